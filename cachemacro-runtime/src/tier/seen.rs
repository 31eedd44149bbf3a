//! A value that was found, and what is known of its time.

use std::time::Duration;

use crate::policy::{Freshness, Stamp, Windows};
use crate::shape::Shared;
use crate::store::{Entry, Token};

/// A value that was found, past its ttl or not.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) value: Shared,
    pub(crate) fill_id: Token,
    pub(crate) age: Duration,
    pub(crate) stamp: Stamp,
}

impl Seen {
    /// A value of a store.
    pub(super) fn of(entry: &Entry, stamp: Option<Stamp>, value: Shared) -> Self {
        let (age, stamp) = times(entry, stamp);
        Self { value, fill_id: entry.fill_id, age, stamp }
    }

    /// Whether it is within its ttl.
    pub(crate) fn is_fresh(&self) -> bool {
        self.judged_by(Windows::default()) == Freshness::Fresh
    }

    /// What it is good for.
    pub(crate) fn judged_by(&self, windows: Windows) -> Freshness {
        windows.judge(self.age, self.stamp.fresh)
    }
}

/// Whether a value of a store is within its ttl.
pub(super) fn is_fresh(entry: &Entry, stamp: Option<Stamp>) -> bool {
    let (age, stamp) = times(entry, stamp);
    Windows::default().judge(age, stamp.fresh) == Freshness::Fresh
}

/// How old a value of a store is, and how long it is fresh.
fn times(entry: &Entry, stamp: Option<Stamp>) -> (Duration, Stamp) {
    let stamp = stamp.unwrap_or(Stamp { fresh: entry.ttl, cost: Duration::ZERO });
    let told = entry.age.or_else(|| entry.ttl_left.map(|left| entry.ttl.saturating_sub(left)));
    // Where nothing tells how old it is: what the store keeps no longer than its ttl is fresh as long as
    // it is there, and anything else is taken for just past it.
    let unknown = || if stamp.fresh >= entry.ttl { Duration::ZERO } else { stamp.fresh };
    (told.unwrap_or_else(unknown), stamp)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn seen(ttl: u64, age: Option<u64>, left: Option<u64>) -> Seen {
        let seconds = Duration::from_secs;
        let entry = Entry {
            fill_id: Token::random(),
            payload: bytes::Bytes::new(),
            ttl: seconds(ttl),
            ttl_left: left.map(seconds),
            filled_at: None,
            age: age.map(seconds),
        };
        Seen::of(&entry, Some(Stamp { fresh: seconds(10), cost: Duration::ZERO }), Arc::new(1))
    }

    #[test]
    fn a_value_is_fresh_by_its_own_ttl_and_not_by_what_the_store_keeps() {
        assert!(seen(30, Some(9), None).is_fresh());
        assert!(!seen(30, Some(10), Some(20)).is_fresh());
        assert!(!seen(30, None, Some(20)).is_fresh());
    }

    #[test]
    fn where_nothing_tells_the_age_only_what_is_kept_no_longer_than_its_ttl_is_fresh() {
        assert!(seen(10, None, None).is_fresh());
        assert!(!seen(11, None, None).is_fresh());
    }
}
