//! The searches: what is right, and each way to do it wrong.

use super::World;
use super::settings::{Setting, Wrong};
use crate::protocol::search::{Outcome, explore};

fn search(setting: Setting) -> Outcome {
    explore(World::new(), |world| world.next(setting), |world| world.breaks_a_promise(setting))
}

const TWO_TAGS: Setting =
    Setting { over_value: false, reads: 2, joins: false, writers: 2, evictions: 0, wrong: Wrong::No };
const EVICTED: Setting = Setting { writers: 1, evictions: 1, ..TWO_TAGS };
const JOINED: Setting = Setting { joins: true, writers: 1, ..TWO_TAGS };
const OVER_VALUE: Setting = Setting { over_value: true, writers: 1, evictions: 1, ..TWO_TAGS };

#[test]
fn tags_keep_every_promise() {
    for (name, setting) in [
        ("two", TWO_TAGS),
        ("two, and an eviction", EVICTED),
        ("two, and a joiner", JOINED),
        ("one over the value", OVER_VALUE),
    ] {
        let outcome = search(setting);
        println!("tags, {name}: {outcome:?}");
        let Outcome::Kept { worlds } = outcome else { panic!("{name}: {outcome:?}") };
        assert!(worlds > 5_000, "only {worlds}: the search does not search");
    }
}

#[test]
fn the_search_finds_out_wrong_tags() {
    let one_writer = Setting { writers: 1, ..TWO_TAGS };
    let over_value = Setting { evictions: 0, ..OVER_VALUE };
    for (setting, wrong) in [
        (one_writer, Wrong::TagReadAfterLoad),
        (one_writer, Wrong::OneTagIsEnough),
        (EVICTED, Wrong::CounterThatResets),
        (one_writer, Wrong::VersionOverGuard),
        (one_writer, Wrong::UnguardedCrash),
        (TWO_TAGS, Wrong::ReplacedUnasked),
        (JOINED, Wrong::SharedUnchecked),
        (over_value, Wrong::TagBeforeEpoch),
        (over_value, Wrong::EpochNotedOnce),
        (over_value, Wrong::EpochBeforeTag),
        (over_value, Wrong::EpochUnguarded),
    ] {
        let outcome = search(Setting { wrong, ..setting });
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {wrong:?}") };
        println!("tags: {wrong:?} is found out after {steps} steps");
    }
}
