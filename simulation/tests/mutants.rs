//! The checker finds wrong variants of the engine, and is told of none of them.
//!
//! This is a slice: all of them, from several starts, are hunted by the command's `--mutants`.

use std::thread;

use cachemacro_simulation::mutants::{Mutant, hunt_all};

/// Few, as this is a debug build: what is found by fewer takes a second or two.
const SEEDS_MAX: u64 = 300;
const HUNTS: u64 = 1;

/// How many are found by so few, at least; each of the others takes some thousands.
const KILLED_MIN: usize = 10;

#[test]
fn most_wrong_variants_are_found_by_a_few_hundred_seeds() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let hunted = hunt_all(Mutant::ALL, SEEDS_MAX, HUNTS, threads);
    let killed: Vec<_> = hunted.iter().filter(|hunted| hunted.is_killed()).collect();
    assert!(killed.len() >= KILLED_MIN, "{killed:#?}");
}
