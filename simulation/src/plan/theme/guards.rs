//! Worlds in which guards are not what their writers take them for.

use super::{Bodies, MIXED, Theme};
use crate::plan::{What, Wrong};

/// Writers whose messages arrive after they have given up on them.
pub(super) const LATE: Theme = Theme {
    storm_percent: 100,
    faults: &[(6, Wrong::Slow(0)), (1, Wrong::Pause(0))],
    lasting: &[100, 250, 600],
    keys: &[(1, 1)],
    spans: &[120, 300],
    operations: (10, 20),
    reads_percent: &[45, 60],
    mutations: &[(4, What::WriteThrough), (1, What::GuardAndPut), (1, What::Guarded), (1, What::Unguarded)],
    bodies: &[Bodies::Short, Bodies::Medium],
    loads: &[Bodies::Short],
    errors_percent: 0,
    crashes_percent: 2,
    delays: &[1, 4],
    budgets: &[20, 50],
    ..MIXED
};

/// A writer who knows of no guard, as its begin is under way for long, while others commit without one.
pub(super) const UNCERTAIN: Theme = Theme {
    faults: &[(1, Wrong::Slow(0))],
    faults_most: 3,
    lasting: &[100],
    processes: &[(1, 2)],
    spans: &[60, 120],
    operations: (3, 6),
    reads_percent: &[15],
    mutations: &[(1, What::WriteThrough), (1, What::ByCall)],
    bodies: &[Bodies::Medium, Bodies::Long],
    crashes_percent: 0,
    delays: &[1],
    budgets: &[20],
    guards: &[2000],
    freshness_percent: 0,
    tagged_percent: 0,
    namespace_percent: 0,
    near_percent: 0,
    ..LATE
};

/// Writers under guards who crash, while what they write is invalidated by others and read.
pub(super) const REMOVED: Theme = Theme {
    storm_percent: 0,
    processes: &[(1, 4)],
    keys: &[(1, 1)],
    spans: &[250],
    operations: (5, 9),
    are_apart: true,
    reads_percent: &[60],
    batches_percent: 0,
    mutations: &[(2, What::Guarded), (1, What::ByCall)],
    bodies: &[Bodies::Long],
    loads: &[Bodies::Short, Bodies::Medium],
    errors_percent: 0,
    crashes_percent: 50,
    delays: &[1],
    budgets: &[250],
    guards: &[400],
    freshness_percent: 0,
    tagged_percent: 0,
    namespace_percent: 0,
    near_percent: 0,
    ..MIXED
};
