//! What is common in a world.

mod guards;
mod near;
mod tags;

use crate::plan::{Freshness, Tagging, What, Wrong};
use crate::rng::Rng;

/// What a world is drawn from. Times are in ms.
#[derive(Debug)]
pub(super) struct Theme {
    /// How many of a hundred worlds have faults.
    pub(super) storm_percent: u64,
    pub(super) faults: &'static [(u64, Wrong)],
    /// How many there are in a stormy world, at most.
    pub(super) faults_most: u64,
    /// How long they last.
    pub(super) lasting: &'static [u64],
    pub(super) processes: &'static [(u64, usize)],
    pub(super) keys: &'static [(u64, usize)],
    /// In how much time all operations begin.
    pub(super) spans: &'static [u64],
    /// Whether they, and faults, come in waves: how far apart those begin, and how long they are.
    pub(super) waves: Option<(u64, u64)>,
    /// Whether the first process does nothing but read, and meets all faults, and all others do nothing but write.
    pub(super) are_apart: bool,
    /// How many operations there are, at least and at most.
    pub(super) operations: (u64, u64),
    pub(super) reads_percent: &'static [u64],
    /// How many of a hundred reads are of two keys, where there are so many.
    pub(super) batches_percent: u64,
    pub(super) mutations: &'static [(u64, What)],
    /// The bodies of mutations, and those of the cached function.
    pub(super) bodies: &'static [Bodies],
    pub(super) loads: &'static [Bodies],
    pub(super) errors_percent: u64,
    /// In how many of a hundred worlds the function says more of time than a ttl, and what.
    pub(super) freshness_percent: u64,
    pub(super) freshness: &'static [(u64, Freshness)],
    /// How many of a hundred worlds have values under tags.
    pub(super) tagged_percent: u64,
    /// And what tags those are.
    pub(super) taggings: &'static [(u64, Tagging)],
    /// How many of a hundred worlds have a namespace.
    pub(super) namespace_percent: u64,
    /// How many of a hundred mutations crash.
    pub(super) crashes_percent: u64,
    pub(super) delays: &'static [u64],
    pub(super) budgets: &'static [u64],
    pub(super) guards: &'static [u64],
    /// How many of a hundred worlds keep values near, and how far behind they may be.
    pub(super) near_percent: u64,
    pub(super) bounds: &'static [u64],
    /// In how many of a hundred worlds the server tells nothing of its own.
    pub(super) published_percent: u64,
    /// How long what is told is under way, where it is not as long as all else.
    pub(super) telling_delays: &'static [Option<u64>],
    /// How many of a hundred turns of the server that begin with a change are long, and how long: a share of the
    /// bound, in percent.
    pub(super) long_turns_percent: &'static [u64],
    pub(super) long_turn: (u64, u64),
}

/// How long bodies take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bodies {
    Short,
    Medium,
    Mixed,
    Long,
}

/// All of them, by how often they are drawn.
pub(super) const ALL: &[(u64, &Theme)] = &[
    (4, &MIXED),
    (3, &CRASHES),
    (2, &JOINS),
    (2, &UNDELIVERED),
    (2, &FAILING),
    (2, &OUTAGES),
    (2, &PASSING),
    (1, &guards::LATE),
    (3, &guards::UNCERTAIN),
    (2, &guards::REMOVED),
    (2, &GATHERED),
    (2, &BATCHES),
    (2, &near::ANSWERED_LATE),
    (3, &near::TOLD_LATE),
    (3, &near::RELINKED),
    (2, &near::CRASHED),
    (1, &near::EVICTED),
    (2, &FAILOVERS),
    (2, &tags::TAGS),
    (5, &tags::SLOWLY_TAKEN),
    (2, &tags::OUTLASTED),
];

/// A little of all.
const MIXED: Theme = Theme {
    storm_percent: 60,
    faults: &[
        (4, Wrong::Cut(0)),
        (2, Wrong::Restart),
        (2, Wrong::Failover),
        (1, Wrong::Evict(0)),
        (2, Wrong::Pause(0)),
        (1, Wrong::Crash(0)),
        (4, Wrong::Slow(0)),
        (3, Wrong::Lossy(0)),
        (4, Wrong::Deaf(0)),
        (1, Wrong::Flush),
    ],
    faults_most: 4,
    lasting: &[3, 30, 100, 250, 600],
    processes: &[(5, 2), (4, 3), (1, 4)],
    keys: &[(6, 1), (3, 2), (1, 3)],
    spans: &[40, 120, 300, 700],
    waves: None,
    are_apart: false,
    operations: (7, 18),
    reads_percent: &[35, 55, 75],
    batches_percent: 20,
    mutations: &[
        (5, What::Guarded),
        (1, What::Required),
        (3, What::Unguarded),
        (2, What::ByCall),
        (3, What::WriteThrough),
        (3, What::GuardAndPut),
        (1, What::GuardAndFinish),
        (2, What::Transaction),
    ],
    bodies: &[Bodies::Short, Bodies::Short, Bodies::Mixed, Bodies::Long],
    loads: &[Bodies::Short, Bodies::Short, Bodies::Mixed, Bodies::Long],
    errors_percent: 15,
    freshness_percent: 45,
    freshness: &[
        (3, Freshness::Lenient),
        (2, Freshness::Covered),
        (1, Freshness::Soft),
        (2, Freshness::Hard),
        (1, Freshness::SoftAndHard),
        (2, Freshness::Idle),
        (1, Freshness::Kept),
    ],
    tagged_percent: 40,
    taggings: &[(1, Tagging::OfKey), (1, Tagging::Two), (2, Tagging::OfValue)],
    namespace_percent: 20,
    crashes_percent: 8,
    delays: &[1, 4, 12],
    budgets: &[20, 50, 250],
    guards: &[100, 150, 400, 2000],
    near_percent: 50,
    bounds: &[50, 80, 200, 1000],
    published_percent: 25,
    telling_delays: &[None],
    long_turns_percent: &[3],
    long_turn: (0, 125),
};

/// Writers that crash under guards that hardly last, while others read and write.
const CRASHES: Theme = Theme {
    storm_percent: 10,
    keys: &[(1, 1)],
    spans: &[60, 200, 500],
    operations: (4, 10),
    reads_percent: &[50, 65],
    bodies: &[Bodies::Short, Bodies::Medium, Bodies::Long, Bodies::Long],
    loads: &[Bodies::Short],
    errors_percent: 5,
    crashes_percent: 45,
    delays: &[1, 4, 12],
    budgets: &[250],
    guards: &[100, 100, 150, 400],
    ..MIXED
};

/// Messages that take long, and callers that come while they are under way.
const JOINS: Theme = Theme {
    storm_percent: 20,
    keys: &[(1, 1)],
    spans: &[120, 300],
    operations: (10, 20),
    reads_percent: &[50, 65],
    mutations: &[(1, What::Unguarded), (1, What::ByCall), (1, What::Guarded), (1, What::WriteThrough)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Short],
    errors_percent: 3,
    crashes_percent: 2,
    delays: &[12, 40, 80],
    budgets: &[250],
    ..MIXED
};

/// Connections that fail for a moment, so that invalidations wait, while loads end in errors.
const UNDELIVERED: Theme = Theme {
    storm_percent: 100,
    faults: &[(4, Wrong::Cut(0)), (2, Wrong::Lossy(0)), (1, Wrong::Slow(0))],
    lasting: &[3, 10, 30, 100, 250],
    keys: &[(1, 1)],
    spans: &[100, 300, 800],
    reads_percent: &[55, 75],
    mutations: &[(2, What::Unguarded), (2, What::ByCall), (2, What::Guarded), (1, What::Transaction)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Short, Bodies::Medium, Bodies::Long],
    errors_percent: 35,
    crashes_percent: 2,
    delays: &[1, 4],
    budgets: &[20],
    ..MIXED
};

/// The same, and hardly a load that does not fail: errors are shared, and never stored.
const FAILING: Theme = Theme {
    faults: &[(6, Wrong::Cut(0)), (1, Wrong::Lossy(0))],
    lasting: &[3, 30, 60, 100],
    processes: &[(1, 1), (1, 2)],
    spans: &[200, 400],
    operations: (10, 20),
    reads_percent: &[65, 75],
    mutations: &[(2, What::Unguarded), (2, What::ByCall), (1, What::Guarded)],
    loads: &[Bodies::Medium],
    errors_percent: 70,
    ..UNDELIVERED
};

/// A source that takes long to fail, and is covered by values past their ttl, while writers invalidate them.
const OUTAGES: Theme = Theme {
    storm_percent: 20,
    faults: &[(2, Wrong::Cut(0)), (1, Wrong::Slow(0)), (1, Wrong::Deaf(0))],
    processes: &[(3, 1), (1, 2)],
    keys: &[(1, 1)],
    spans: &[400, 800],
    operations: (10, 20),
    reads_percent: &[65, 75],
    mutations: &[(2, What::Unguarded), (2, What::ByCall), (1, What::Guarded)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Medium, Bodies::Long],
    errors_percent: 50,
    freshness_percent: 100,
    freshness: &[
        (2, Freshness::Lenient),
        (2, Freshness::Covered),
        (1, Freshness::Soft),
        (1, Freshness::SoftAndHard),
    ],
    crashes_percent: 2,
    delays: &[1, 4],
    budgets: &[250],
    ..MIXED
};

/// Readers who come again and again for what goes without them, or whose loads take longer than they wait, while writers
/// invalidate it.
const PASSING: Theme = Theme {
    freshness: &[(4, Freshness::Idle), (1, Freshness::Hard), (1, Freshness::Kept)],
    operations: (16, 30),
    reads_percent: &[75, 85],
    mutations: &[(2, What::Unguarded), (2, What::ByCall), (1, What::Guarded)],
    errors_percent: 5,
    near_percent: 25,
    ..OUTAGES
};

/// Callers of one key who come in waves, while answers to others are on their way and another process invalidates it.
const GATHERED: Theme = Theme {
    storm_percent: 0,
    processes: &[(1, 2)],
    spans: &[1200],
    waves: Some((300, 120)),
    operations: (30, 50),
    reads_percent: &[90],
    are_apart: true,
    batches_percent: 0,
    mutations: &[(1, What::ByCall)],
    errors_percent: 0,
    crashes_percent: 0,
    delays: &[40],
    freshness_percent: 0,
    tagged_percent: 0,
    namespace_percent: 0,
    near_percent: 0,
    ..JOINS
};

/// Batches that meet each other, and writers, on the same two keys.
const BATCHES: Theme = Theme {
    storm_percent: 20,
    processes: &[(2, 1), (3, 2)],
    keys: &[(3, 2), (1, 3)],
    spans: &[40, 120, 300],
    operations: (8, 18),
    reads_percent: &[55, 75],
    batches_percent: 75,
    tagged_percent: 30,
    namespace_percent: 60,
    mutations: &[(2, What::Unguarded), (3, What::ByCall), (1, What::Guarded)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Short, Bodies::Medium],
    errors_percent: 5,
    crashes_percent: 2,
    delays: &[4, 12],
    budgets: &[250],
    ..MIXED
};

/// A server whose replica takes its place without having heard of the latest invalidations.
const FAILOVERS: Theme = Theme {
    storm_percent: 100,
    faults: &[(6, Wrong::Failover), (1, Wrong::Cut(0)), (1, Wrong::Slow(0))],
    faults_most: 2,
    lasting: &[3, 30, 100],
    processes: &[(1, 2), (1, 3)],
    keys: &[(3, 1), (1, 2)],
    spans: &[120, 250],
    operations: (5, 10),
    reads_percent: &[55, 70],
    mutations: &[(2, What::Guarded), (2, What::Unguarded), (2, What::ByCall), (1, What::WriteThrough)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Short],
    errors_percent: 3,
    freshness_percent: 10,
    taggings: &[(1, Tagging::OfKey)],
    crashes_percent: 2,
    delays: &[1, 4],
    budgets: &[50, 250],
    ..MIXED
};

impl Bodies {
    /// How long one half of a body takes.
    pub(super) fn ms(self, rng: &mut Rng) -> u64 {
        match self {
            Self::Short => rng.below(16),
            Self::Medium => rng.below(70),
            Self::Mixed => rng.weighted(&[(6, 8), (3, 60), (1, 200)]) * rng.below(8) / 4,
            Self::Long => rng.below(260),
        }
    }
}
