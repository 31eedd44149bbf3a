//! The checker finds out a program that forgets to invalidate, and one that serves what is kept near for too long. Elsewhere: the checker alone, over histories by hand.

use std::process::{Command, Output};

/// Runs to try: in one of ten seconds about twenty invalidations are forgotten, and about two links fall silent for
/// longer than the bound. A read must come across one of them before its key is changed again or expires, and on a slow
/// machine a single run may end without.
const RUNS: u64 = 10;

#[test]
fn a_program_that_forgets_one_invalidation_of_a_hundred_is_found_out() {
    is_found_out("forgets");
}

#[test]
fn a_program_that_serves_what_nobody_confirmed_is_found_out() {
    is_found_out("staleness");
}

fn is_found_out(wrong: &str) {
    let has_server = Command::new("redis-server").arg("--version").output().is_ok();
    if !has_server {
        eprintln!("redis-server is not installed");
        return;
    }
    let found_out = (1..=RUNS).map(|seed| run(wrong, seed)).any(|run| {
        let report = String::from_utf8_lossy(&run.stdout);
        assert!(!report.contains("failure: "), "{report}");
        run.status.code() == Some(1) && report.contains("  violation: ")
    });
    assert!(found_out, "none of {RUNS} runs shows a violation");
}

fn run(wrong: &str, seed: u64) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cachemacro-faults"))
        .args(["--seconds", "10", "--wrong", wrong, "--seed"])
        .arg(seed.to_string())
        .output()
        .expect("the driver runs")
}
