//! The searches: what is right, and each way to do it wrong.

use super::World;
use super::settings::{Plan, Wrong};
use crate::protocol::search::{Outcome, explore};

/// Two batches in one process, which share flights, and a writer.
const TOGETHER: Plan =
    Plan { batches: &[(0, &[0, 1]), (0, &[1, 0])], writes: &[0], reads_first: true, evictions: 0, drops: 0 };
/// Two batches in two processes.
const APART: Plan = Plan { batches: &[(0, &[0, 1]), (1, &[1, 0])], ..TOGETHER };
/// The same, and a read of what is written.
const TOGETHER_AND_READ: Plan =
    Plan { batches: &[(0, &[0, 1]), (0, &[1, 0]), (0, &[0])], reads_first: false, ..TOGETHER };
const APART_AND_READ: Plan =
    Plan { batches: &[(0, &[0, 1]), (1, &[1, 0]), (0, &[0])], reads_first: false, ..TOGETHER };

fn search(plan: &Plan, wrong: Wrong) -> Outcome {
    explore(World::new(plan), |world| world.next(plan, wrong), World::breaks_a_promise)
}

#[test]
fn no_batch_breaks_a_promise_or_waits_forever() {
    for (name, plan) in [
        ("two in one process, a writer, an eviction", Plan { evictions: 1, ..TOGETHER }),
        ("two in two processes, a writer, an eviction", Plan { evictions: 1, ..APART }),
        ("two in one process, a writer, one leaves", Plan { drops: 1, ..TOGETHER }),
        ("two in two processes, a writer, one leaves", Plan { drops: 1, ..APART }),
        ("two and a read in one process, a writer", TOGETHER_AND_READ),
        ("two in two processes and a read, a writer", APART_AND_READ),
    ] {
        let outcome = search(&plan, Wrong::No);
        println!("batches: {name}: {outcome:?}");
        let Outcome::Kept { worlds } = outcome else { panic!("{name}: {outcome:?}") };
        assert!(worlds > 10_000, "only {worlds}: the search does not search");
    }
}

#[test]
fn the_search_finds_out_what_is_wrong() {
    for (wrong, plan, name) in [
        (
            Wrong::TakenByLateJoiner,
            TOGETHER_AND_READ,
            "a member takes what was loaded before it led, in one process",
        ),
        (Wrong::TakenByLateJoiner, APART_AND_READ, "a member takes what was loaded before it led, in two"),
        (Wrong::WaitsBeforeItFills, TOGETHER, "a batch waits before it fills, in one process"),
        (Wrong::WaitsBeforeItFills, APART, "a batch waits before it fills, in two"),
    ] {
        let outcome = search(&plan, wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {name}") };
        println!("batches: {name}: found out after {steps} steps");
    }
}
