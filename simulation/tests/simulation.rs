//! A slice of what the command runs, and that a seed is a replay.

use std::thread;

use cachemacro_simulation::{Variant, campaign, replay};

/// A few seconds in a debug build; the command runs a million.
const SEEDS: u64 = 2000;

#[test]
fn no_promise_is_broken_in_thousands_of_worlds() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let report = campaign(0..SEEDS, threads, Variant::SHIPPED);
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    let totals = report.totals;
    assert_eq!(totals.schedules, SEEDS);
    // A zero says nothing about what never happened.
    assert!(totals.reads > 5 * SEEDS, "{totals}");
    assert!(totals.reads_beside_mutations > SEEDS, "{totals}");
    assert!(totals.reads_beside_faults > SEEDS, "{totals}");
}

#[test]
fn a_seed_is_a_replay() {
    for seed in 0..60 {
        let other = thread::spawn(move || replay(seed, Variant::SHIPPED));
        assert_eq!(replay(seed, Variant::SHIPPED), other.join().expect("no schedule panics"));
    }
    assert_ne!(replay(1, Variant::SHIPPED), replay(2, Variant::SHIPPED));
}
