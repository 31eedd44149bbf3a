//! Faults on real servers.
//!
//! ```sh
//! cargo run --release -p cachemacro-faults -- --seconds 120 [--seed 7]
//! ```
//!
//! A driver starts a redis-server and three children, which call cached functions and mutations over a
//! versioned register for each key; it does what it can to the server, to the children, and to what is
//! between them. Each call's start and end is noted, and a checker goes over the history. The exit code is
//! 1 on a violation, on a child that ended by itself, and if no read was concurrent with a fault.

#![forbid(unsafe_code)]

mod checker;
mod child;
mod clock;
mod driver;
mod fault;
mod record;
mod report;
mod settings;
mod source;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: cachemacro-faults [--seconds N] [--seed N] [--refuse-tracking]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| match Command::read(&args) {
        Some(Command::Drive(options)) => runtime.block_on(driver::run(options)),
        Some(Command::Serve(options)) => runtime.block_on(child::run(options)).map(|()| true),
        None => Err(USAGE.into()),
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cachemacro-faults: {error}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
enum Command {
    Drive(driver::Options),
    /// For the driver alone.
    Serve(child::Options),
}

impl Command {
    fn read(args: &[String]) -> Option<Self> {
        if args.first().is_some_and(|arg| arg == "child") {
            return Self::child(&args[1..]).ok();
        }
        let mut options = driver::Options {
            time: Duration::from_secs(120),
            seed: rand::random(),
            wrong: None,
            refuses_tracking: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--seconds" => options.time = Duration::from_secs(args.next()?.parse().ok()?),
                "--seed" => options.seed = args.next()?.parse().ok()?,
                // Changes are told by those who invalidate.
                "--refuse-tracking" => options.refuses_tracking = true,
                // The children are wrong: the checker has to find out.
                "--wrong" => options.wrong = Some(args.next()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(Self::Drive(options))
    }

    fn child(args: &[String]) -> Result<Self, Box<dyn Error>> {
        let [process, redis, source, seed, near, wrong] = args else { return Err(USAGE.into()) };
        Ok(Self::Serve(child::Options {
            process: process.parse()?,
            redis: redis.parse()?,
            source: source.parse()?,
            seed: seed.parse()?,
            near: near.parse()?,
            wrong: wrong.parse().ok(),
        }))
    }
}
