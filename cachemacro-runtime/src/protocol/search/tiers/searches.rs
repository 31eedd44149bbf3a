//! The worlds that are searched, and the wrong variants that have to be found out.

use super::super::{Outcome, explore};
use super::{DELTA, ELSEWHERE, Faults, HERE, World, Wrong};

const NONE: Faults = Faults {
    losses: 0,
    restarts: 0,
    flushes: 0,
    evictions: 0,
    end: DELTA + 1,
    writers: &[ELSEWHERE],
    guards: false,
};
const AT_HOME: Faults = Faults { end: DELTA, writers: &[HERE], ..NONE };
const LOSSES: Faults = Faults { losses: 1, ..NONE };
const RESTARTS: Faults = Faults { restarts: 1, ..NONE };
const FLUSHES: Faults = Faults { flushes: 1, ..NONE };
const EVICTIONS: Faults = Faults { evictions: 1, ..NONE };
const CRASHES: Faults = Faults { guards: true, ..NONE };

fn search(faults: Faults, wrong: Wrong) -> Outcome {
    explore(World::new(), |world| world.next(faults, wrong), |world| world.stale_read)
}

#[test]
fn what_is_kept_in_front_of_a_store_keeps_its_promise() {
    for (name, faults) in [
        ("a writer in the same process", AT_HOME),
        ("lost links", LOSSES),
        ("a server that restarts", RESTARTS),
        ("a server that is flushed", FLUSHES),
        ("a server that evicts", EVICTIONS),
        ("guards that run out", CRASHES),
    ] {
        // The two largest take a minute more in a debug build, which leaves them out.
        if cfg!(debug_assertions) && faults.restarts + faults.flushes > 0 {
            continue;
        }
        let outcome = search(faults, Wrong::No);
        println!("tiers with {name}: {outcome:?}");
        let Outcome::Kept { worlds } = outcome else { panic!("{name}: {outcome:?}") };
        assert!(worlds > 10_000, "only {worlds}: the search does not search");
    }
}

#[test]
fn the_search_finds_out_wrong_tiers() {
    for (faults, wrong) in [
        (LOSSES, Wrong::SingleBarrier),
        (LOSSES, Wrong::KeylessHeartbeat),
        (LOSSES, Wrong::NoTicket),
        (LOSSES, Wrong::TicketWithoutEpoch),
        (EVICTIONS, Wrong::BodyKept),
        (LOSSES, Wrong::EpochKept),
        (CRASHES, Wrong::CarriedKept),
        (AT_HOME, Wrong::LocalNotNoted),
        (LOSSES, Wrong::LinkReadLast),
        (LOSSES, Wrong::NeverExpires),
    ] {
        let outcome = search(faults, wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {wrong:?}, {outcome:?}") };
        println!("tiers: {wrong:?} is found out after {steps} steps");
    }
}
