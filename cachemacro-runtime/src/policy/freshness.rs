//! Whether an entry still serves: within its ttl, or past it for as long as its reader says.
//!
//! How long an entry is fresh travels with it, as its writer decided that. How long past that it may be
//! served is its reader's to say. So a program whose attribute has changed goes by its own windows, and
//! by the ttl that each entry was filled with.

use std::time::Duration;

use super::TTL_MAX;
use crate::mutants::{self, Mutant};

/// What is decided at a fill, and stored with the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// How long it is fresh, after the jitter.
    pub fresh: Duration,
    /// How long its load took.
    pub cost: Duration,
}

/// A stamp, and how long the store keeps the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) stamp: Stamp,
    pub(crate) kept: Duration,
}

/// How long past its ttl an entry is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// While it is refreshed: `stale_while_revalidate`.
    pub revalidate: Duration,
    /// When its load fails: `stale_if_error`.
    pub if_error: Duration,
}

/// What an entry is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// To be served.
    Fresh,
    /// To be served while it is refreshed.
    Stale,
    /// To be served if a load fails.
    IfError,
    /// For nothing.
    Gone,
}

impl Windows {
    /// The longer of the two.
    pub(crate) fn longest(self) -> Duration {
        self.revalidate.max(self.if_error)
    }

    /// What an entry of this age is good for, that was filled to be fresh for so long.
    pub(crate) fn judge(self, age: Duration, fresh: Duration) -> Freshness {
        let Some(past) = age.checked_sub(fresh) else { return Freshness::Fresh };
        if past < self.revalidate {
            Freshness::Stale
        } else if past < self.if_error {
            Freshness::IfError
        } else {
            Freshness::Gone
        }
    }
}

impl Life {
    /// The life of an entry that is fresh for so long, and idle for no longer than it may be.
    pub(crate) fn new(fresh: Duration, cost: Duration, windows: Windows, idle: Option<Duration>) -> Self {
        let bound = bound(fresh, windows);
        let idle = idle.filter(|_| !mutants::is(Mutant::IdleIgnored));
        Self { stamp: Stamp { fresh, cost }, kept: idle.map_or(bound, |idle| idle.min(bound)) }
    }
}

/// How long an entry is kept at most, whoever reads it.
pub(crate) fn bound(fresh: Duration, windows: Windows) -> Duration {
    fresh.saturating_add(windows.longest()).min(TTL_MAX)
}

/// How long an entry with an `idle` is kept from a hit at this age on; no longer than it would be
/// without. `None` if nothing is left.
pub(crate) fn idle_left(
    idle: Duration,
    age: Duration,
    fresh: Duration,
    windows: Windows,
) -> Option<Duration> {
    bound(fresh, windows).checked_sub(age).map(|left| left.min(idle)).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(max_ms: u64) -> Duration {
        Duration::from_millis(rand::random_range(0..=max_ms))
    }

    #[test]
    fn an_entry_is_fresh_up_to_its_ttl_and_then_good_for_less_and_less() {
        for _ in 0..100_000 {
            let windows = Windows { revalidate: any(50), if_error: any(50) };
            let (fresh, age) = (any(50), any(200));
            let freshness = windows.judge(age, fresh);
            let expected = match age {
                _ if age < fresh => Freshness::Fresh,
                _ if age < fresh + windows.revalidate => Freshness::Stale,
                _ if age < fresh + windows.if_error => Freshness::IfError,
                _ => Freshness::Gone,
            };
            assert_eq!(freshness, expected, "{windows:?} {fresh:?} {age:?}");
            let later = windows.judge(age + any(50), fresh);
            assert!(rank(later) >= rank(freshness), "it never gets better");
        }
    }

    fn rank(freshness: Freshness) -> u8 {
        match freshness {
            Freshness::Fresh => 0,
            Freshness::Stale => 1,
            Freshness::IfError => 2,
            Freshness::Gone => 3,
        }
    }

    #[test]
    fn without_windows_an_entry_is_fresh_or_gone() {
        let (none, second) = (Windows::default(), Duration::from_secs(1));
        assert_eq!(none.judge(Duration::from_millis(999), second), Freshness::Fresh);
        assert_eq!(none.judge(second, second), Freshness::Gone);
    }

    #[test]
    fn an_entry_is_kept_as_long_as_it_can_serve_and_no_longer() {
        for _ in 0..100_000 {
            let windows = Windows { revalidate: any(50), if_error: any(50) };
            let (fresh, cost) = (any(50) + Duration::from_millis(1), any(10));
            let life = Life::new(fresh, cost, windows, None);
            assert_eq!(windows.judge(life.kept, fresh), Freshness::Gone);
            let before = life.kept - Duration::from_millis(1);
            assert_ne!(windows.judge(before, fresh), Freshness::Gone);
            let idle = any(50) + Duration::from_millis(1);
            let idling = Life::new(fresh, cost, windows, Some(idle));
            assert_eq!(idling.kept, idle.min(life.kept));
            let age = any(200);
            match idle_left(idle, age, fresh, windows) {
                Some(left) => assert!(left <= idle && age + left <= life.kept),
                None => assert!(age >= life.kept),
            }
        }
        assert_eq!(
            Life::new(TTL_MAX, Duration::ZERO, Windows { if_error: TTL_MAX, ..Windows::default() }, None)
                .kept,
            TTL_MAX
        );
    }
}
