//! A hit in this process beside those of the peers, in one run; see `benches/README.md`.

#[path = "../../bar/mod.rs"]
mod bar;
mod bars;
mod by_hand;
mod cases;
mod instructions;
mod memory;
mod ours;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod shared;
mod times;
mod user;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => {
            let counts = instructions::table(cases::ALL);
            let times = times::table();
            memory::table();
            bar::print(&bars::of(&counts, &times));
            ExitCode::SUCCESS
        }
        // Hits on a server.
        #[cfg(feature = "peers")]
        ["shared"] => {
            bar::print(&shared::table("", None));
            ExitCode::SUCCESS
        }
        #[cfg(feature = "peers")]
        ["shared", peer, callers] => {
            shared::table(peer, Some(callers.parse().expect("a number")));
            ExitCode::SUCCESS
        }
        // What does not depend on the machine's load, for the checks: it fails if a hit has become dearer.
        ["instructions"] => {
            let counts = instructions::table(&[
                cases::BY_HAND,
                cases::OURS,
                cases::OURS_WRITTEN,
                cases::OURS_LOCAL,
                cases::OURS_PLAIN,
            ]);
            assert!(!counts.is_empty(), "there is no valgrind");
            bar::print(&bars::of(&counts, &[]));
            if bars::is_worse(&counts) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        // The two that the tables above run as processes of their own.
        ["hits", case, rounds] => {
            instructions::run(case, rounds.parse().expect("a number"));
            ExitCode::SUCCESS
        }
        ["fill", map] => {
            memory::run(map);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: cachemacro-peers [instructions|shared [PEER CALLERS]]");
            ExitCode::FAILURE
        }
    }
}
