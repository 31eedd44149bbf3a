//! Instructions of one hit, counted by callgrind: they do not depend on the machine's load.

use std::process::{Command, Stdio};

use crate::cases::{self, ALL, Case, HOT_KEYS, OURS};

/// Two runs that differ by this many hits differ by what those take, and by nothing else.
const FEW: u64 = 1_000;
const MANY: u64 = 5_000;

/// Prints the table, and returns the instructions of each case; nothing where there is no valgrind.
pub fn table(of: &[Case]) -> Vec<(&'static str, f64)> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("instructions: not counted, as there is no valgrind\n");
        return Vec::new();
    }
    let counts = of.iter().map(|case| (case.name, count(case, MANY) - count(case, FEW)));
    let counts: Vec<_> = counts.map(|(name, count)| (name, count as f64 / (MANY - FEW) as f64)).collect();
    let ours = counts.iter().find(|(name, _)| *name == OURS.name).expect("one of them").1;
    println!("| hit, {HOT_KEYS} hot keys | instructions | of ours |\n|---|---|---|");
    for (name, count) in &counts {
        println!("| {name} | {count:.0} | {:.2} |", count / ours);
    }
    println!();
    counts
}

/// What is run under valgrind.
pub fn run(name: &str, rounds: u64) {
    cases::fill(HOT_KEYS);
    let case = ALL.iter().find(|case| case.name == name).expect("a case");
    (case.run)(rounds, HOT_KEYS, 0);
}

/// The instructions of a whole process.
fn count(case: &Case, rounds: u64) -> u64 {
    let this = std::env::current_exe().expect("a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["hits", case.name, &rounds.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    collected.and_then(|(_, count)| count.trim().parse().ok()).expect("callgrind says how many")
}
