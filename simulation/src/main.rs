//! The command: runs schedules, or tells one.

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

#[cfg(feature = "mutants")]
use cachemacro_simulation::mutants::{Mutant, hunt_all};
use cachemacro_simulation::{Variant, campaign, replay};

const USAGE: &str = "usage: cachemacro-simulation [--seeds N] [--from N] [--threads N] [--mutant NAME] | --seed N [--mutant NAME] | --mutants [--mutant NAME] [--seeds N]

`--mutants` and `--mutant` need the feature `mutants`.";

/// How often each wrong variant is hunted.
#[cfg(feature = "mutants")]
const HUNTS: u64 = 7;

/// How many violations are printed.
const SHOWN_MAX: usize = 20;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        #[cfg(feature = "mutants")]
        Some(options) if options.hunts => hunt(&options),
        Some(Options { seed: Some(seed), variant, .. }) => {
            let told = replay(seed, variant);
            print!("{told}");
            if told.contains("VIOLATION") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Some(options) => run(&options),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

struct Options {
    seed: Option<u64>,
    seeds: Option<u64>,
    from: u64,
    threads: usize,
    variant: Variant,
    /// Whether the wrong variants are hunted.
    hunts: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut options =
            Self { seed: None, seeds: None, from: 0, threads, variant: Variant::SHIPPED, hunts: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--mutants" if cfg!(feature = "mutants") => {
                    options.hunts = true;
                    continue;
                }
                "--mutant" => {
                    options.variant = Variant::named(&arguments.next()?)?;
                    continue;
                }
                _ => {}
            }
            let mut number = || arguments.next()?.parse::<u64>().ok();
            match argument.as_str() {
                "--seed" => options.seed = Some(number()?),
                "--seeds" => options.seeds = Some(number()?),
                "--from" => options.from = number()?,
                "--threads" => options.threads = usize::try_from(number()?).ok()?,
                _ => return None,
            }
        }
        Some(options)
    }
}

fn run(options: &Options) -> ExitCode {
    let start = Instant::now();
    let report = campaign(
        options.from..options.from + options.seeds.unwrap_or(10_000),
        options.threads,
        options.variant,
    );
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", report.totals);
    println!("seconds            {seconds:.1}, {:.0} schedules/s", report.totals.schedules as f64 / seconds);
    println!("violations         {}", report.violations.len());
    for (seed, violation) in report.violations.iter().take(SHOWN_MAX) {
        println!("  --seed {seed}: {violation}");
    }
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what finds each wrong variant, as a table.
#[cfg(feature = "mutants")]
fn hunt(options: &Options) -> ExitCode {
    let seeds_max = options.seeds.unwrap_or(200_000);
    let one = options.variant.mutant();
    let mutants = one.as_ref().map_or(Mutant::ALL, std::slice::from_ref);
    let hunted = hunt_all(mutants, seeds_max, HUNTS, options.threads);
    println!("| mutant | what it does | killed by | seeds (median) |");
    println!("|---|---|---|---|");
    for hunted in &hunted {
        let promises: Vec<_> = hunted.promises().iter().map(|promise| format!("{promise:?}")).collect();
        let seeds = hunted.median_seeds().map_or("survives".to_owned(), |seeds| seeds.to_string());
        let (mutant, what) = (hunted.mutant, hunted.mutant.description());
        println!("| {mutant:?} | {what} | {} | {seeds} |", promises.join(", "));
    }
    let killed = hunted.iter().filter(|hunted| hunted.is_killed()).count();
    println!("\n{killed} of {} killed, from each of {HUNTS} starts", hunted.len());
    if killed == hunted.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
