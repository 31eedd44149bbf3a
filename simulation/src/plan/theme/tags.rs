//! Worlds in which values stand under tags.

use super::{Bodies, MIXED, Theme};
use crate::plan::{Tagging, What, Wrong};

/// Tags that are invalidated while values are loaded, by writers whose messages take long and who may crash.
pub(super) const TAGS: Theme = Theme {
    storm_percent: 20,
    processes: &[(2, 1), (3, 2)],
    keys: &[(3, 1), (1, 2)],
    spans: &[120, 300],
    operations: (8, 18),
    reads_percent: &[55, 70],
    mutations: &[(3, What::Unguarded), (2, What::ByCall), (3, What::Guarded)],
    bodies: &[Bodies::Short, Bodies::Long],
    loads: &[Bodies::Medium],
    errors_percent: 3,
    freshness_percent: 20,
    tagged_percent: 100,
    crashes_percent: 15,
    delays: &[4, 12, 40],
    budgets: &[250],
    guards: &[100, 150],
    ..MIXED
};

/// Writers whose invalidation of a tag and that of its epoch are taken far from each other, and who are seldom: what is
/// stored in between stays.
pub(super) const SLOWLY_TAKEN: Theme = Theme {
    storm_percent: 100,
    faults: &[(1, Wrong::Slow(0))],
    faults_most: 1,
    lasting: &[600],
    processes: &[(1, 2)],
    keys: &[(1, 1)],
    spans: &[300],
    operations: (6, 12),
    reads_percent: &[75, 85],
    mutations: &[(1, What::Unguarded), (1, What::ByCall)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Medium, Bodies::Long],
    errors_percent: 0,
    crashes_percent: 0,
    delays: &[1, 4],
    budgets: &[1000],
    freshness_percent: 0,
    near_percent: 0,
    taggings: &[(1, Tagging::OfValue)],
    ..TAGS
};

/// Writers who crash under guards that loads outlast.
pub(super) const OUTLASTED: Theme = Theme {
    storm_percent: 0,
    processes: &[(1, 2)],
    keys: &[(1, 1)],
    spans: &[300],
    operations: (4, 8),
    reads_percent: &[75],
    mutations: &[(1, What::Guarded)],
    bodies: &[Bodies::Short],
    loads: &[Bodies::Long],
    errors_percent: 0,
    crashes_percent: 95,
    delays: &[1, 4],
    guards: &[100],
    freshness_percent: 0,
    near_percent: 0,
    taggings: &[(1, Tagging::OfValue)],
    ..TAGS
};
