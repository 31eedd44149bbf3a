//! Worlds in which processes keep a key near, and are told of its changes late.

use super::{Bodies, CRASHES, MIXED, Theme};
use crate::plan::{What, Wrong};

/// Answers that are on their way while their own process invalidates, and while what is told of that takes longer still.
pub(super) const ANSWERED_LATE: Theme = Theme {
    storm_percent: 20,
    faults: &[(1, Wrong::Slow(0)), (1, Wrong::Deaf(0)), (1, Wrong::Pause(0))],
    lasting: &[250, 600],
    processes: &[(2, 1), (1, 2)],
    keys: &[(1, 1)],
    spans: &[2000],
    waves: Some((500, 120)),
    operations: (30, 50),
    reads_percent: &[65, 80],
    mutations: &[(4, What::Unguarded), (2, What::ByCall), (1, What::Guarded), (1, What::WriteThrough)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Short],
    errors_percent: 0,
    crashes_percent: 0,
    delays: &[12, 40],
    budgets: &[1000],
    near_percent: 100,
    freshness_percent: 0,
    tagged_percent: 0,
    bounds: &[1000],
    telling_delays: &[Some(200)],
    ..MIXED
};

/// A reader whose callers come about as often as the bound, and a writer in another process, whose changes are told at the
/// end of turns of the server that last as long.
pub(super) const TOLD_LATE: Theme = Theme {
    processes: &[(1, 2)],
    spans: &[4000],
    waves: Some((1050, 250)),
    are_apart: true,
    reads_percent: &[75],
    delays: &[4],
    telling_delays: &[Some(200)],
    long_turns_percent: &[50],
    long_turn: (95, 106),
    ..ANSWERED_LATE
};

/// A reader whose link is lost, and comes back after changes by another process, while answers from before are still on
/// their way.
pub(super) const RELINKED: Theme = Theme {
    storm_percent: 100,
    faults: &[(1, Wrong::SlowAnswers(0)), (1, Wrong::Unlinked(0))],
    faults_most: 24,
    lasting: &[60, 100, 250],
    processes: &[(1, 2)],
    spans: &[4800],
    waves: Some((400, 120)),
    are_apart: true,
    operations: (50, 70),
    delays: &[4],
    bounds: &[50, 80],
    telling_delays: &[None],
    ..ANSWERED_LATE
};

/// A reader who keeps near what it finds, and writers in other processes that crash under guards that hardly last.
pub(super) const CRASHED: Theme = Theme {
    processes: &[(3, 2), (1, 3)],
    are_apart: true,
    operations: (4, 8),
    mutations: &[(3, What::Guarded), (1, What::GuardAndFinish), (1, What::Transaction)],
    near_percent: 100,
    freshness_percent: 0,
    tagged_percent: 0,
    bounds: &[50, 80],
    ..CRASHES
};

/// A reader whose key is evicted, of which nothing is told, before others invalidate it.
pub(super) const EVICTED: Theme = Theme {
    storm_percent: 100,
    faults: &[(1, Wrong::Evict(0))],
    faults_most: 12,
    lasting: &[3],
    telling_delays: &[None],
    bounds: &[80, 200],
    published_percent: 100,
    ..RELINKED
};
