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
    is_published: false,
};
const AT_HOME: Faults = Faults { end: DELTA, writers: &[HERE], ..NONE };
const LOSSES: Faults = Faults { losses: 1, ..NONE };
const RESTARTS: Faults = Faults { restarts: 1, ..NONE };
const FLUSHES: Faults = Faults { flushes: 1, ..NONE };
const EVICTIONS: Faults = Faults { evictions: 1, ..NONE };
const CRASHES: Faults = Faults { guards: true, ..NONE };
const LOSSES_PUBLISHED: Faults = Faults { is_published: true, ..LOSSES };
const RESTARTS_PUBLISHED: Faults = Faults { is_published: true, ..RESTARTS };
const FLUSHES_PUBLISHED: Faults = Faults { is_published: true, ..FLUSHES };
const EVICTIONS_PUBLISHED: Faults = Faults { is_published: true, ..EVICTIONS };
const CRASHES_PUBLISHED: Faults = Faults { is_published: true, ..CRASHES };

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
        ("lost links, told by who writes", LOSSES_PUBLISHED),
        ("a server that restarts, told by who writes", RESTARTS_PUBLISHED),
        ("a server that is flushed, told by who writes", FLUSHES_PUBLISHED),
        ("a server that evicts, told by who writes", EVICTIONS_PUBLISHED),
        ("guards that run out, told by who writes", CRASHES_PUBLISHED),
    ] {
        // These take minutes more in a debug build, which leaves them out.
        let is_told_long = faults.is_published && faults.losses > 0;
        if cfg!(debug_assertions) && (faults.restarts + faults.flushes > 0 || is_told_long) {
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
        (EVICTIONS_PUBLISHED, Wrong::PublishedIfThere),
        (CRASHES_PUBLISHED, Wrong::BeginNotPublished),
    ] {
        let outcome = search(faults, wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {wrong:?}, {outcome:?}") };
        println!("tiers: {wrong:?} is found out after {steps} steps");
    }
}
