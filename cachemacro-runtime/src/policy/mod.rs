//! How long a value lives: pure decisions, with no clock of their own.

pub(crate) mod breaker;
mod class;
mod early;
mod freshness;
mod of_id;
mod terms;
pub(crate) mod throttle;

use std::time::Duration;

use crate::mutants::{self, Mutant};

pub use class::TtlClass;
pub use freshness::{Stamp, Windows};
pub(crate) use of_id::OfId;
pub use of_id::{TagsByIds, TagsOfIds};
pub use terms::{Clauses, Tagged, TaggedByValue, Terms};

pub(crate) use class::CLASSES;
pub(crate) use early::is_early;
pub(crate) use freshness::{Freshness, Life, idle_left};

/// What an attribute says of time, beside a `ttl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long past its ttl a value serves.
    pub windows: Windows,
    /// How long without a hit it lives.
    pub idle: Option<Duration>,
    /// Whether hits refresh it before it expires.
    pub early: bool,
    /// How long a stale value waits for the load.
    pub timeout: Option<Duration>,
    /// How long a call waits for anything.
    pub hard: Option<Duration>,
    /// How often it is loaded, whether or not anybody calls.
    pub refresh_every: Option<Duration>,
    /// The class that says its ttl.
    pub ttl_class: Option<&'static str>,
}

impl Policy {
    /// Of an attribute that says nothing of it.
    pub const PLAIN: Self = Self {
        windows: Windows { revalidate: Duration::ZERO, if_error: Duration::ZERO },
        idle: None,
        early: false,
        timeout: None,
        hard: None,
        refresh_every: None,
        ttl_class: None,
    };

    /// Whether a hit is more than a hit: it may refresh, or extend, or be noted.
    pub(crate) fn looks_at_hits(&self) -> bool {
        self.early || self.idle.is_some() || self.refresh_every.is_some()
    }
}

/// The shortest time to live that a store can be given.
pub(crate) const TTL_MIN: Duration = Duration::from_millis(1);

/// The longest: ten years.
pub(crate) const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How much of a ttl may be taken away at random, so that what was filled together does not expire together.
///
/// It shortens and never lengthens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    percent: u8,
}

impl Jitter {
    /// 5 %: enough to spread a burst, and not enough to notice.
    pub const DEFAULT: Self = Self::percent(5);

    /// Up to this many hundredths, 100 at most.
    pub const fn percent(percent: u8) -> Self {
        Self { percent: if percent > 100 { 100 } else { percent } }
    }

    /// The ttl to store with, for a random number in `0.0..1.0`.
    ///
    /// `None` if nothing should be stored: the ttl is zero.
    pub(crate) fn apply(self, ttl: Duration, random: f64) -> Option<Duration> {
        if ttl.is_zero() {
            return None;
        }
        let taken = random.clamp(0.0, 1.0) * f64::from(self.percent) / 100.0;
        let kept = if mutants::is(Mutant::JitterLengthens) { 1.0 + taken } else { 1.0 - taken };
        Some(ttl.min(TTL_MAX).mul_f64(kept).max(TTL_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_by_no_more_than_its_share() {
        let hour = Duration::from_secs(3600);
        let jitter = Jitter::percent(10);
        assert_eq!(jitter.apply(hour, 0.0), Some(hour));
        assert_eq!(jitter.apply(hour, 1.0), Some(Duration::from_secs(3240)));
        for step in 0..100 {
            let ttl = jitter.apply(hour, f64::from(step) / 100.0).unwrap();
            assert!(ttl <= hour && ttl >= Duration::from_secs(3240));
        }
    }

    #[test]
    fn the_shortest_ttl_still_expires_and_zero_is_not_stored() {
        let none = Jitter::percent(0);
        assert_eq!(none.apply(Duration::from_nanos(1), 0.5), Some(TTL_MIN));
        assert_eq!(none.apply(Duration::ZERO, 0.5), None);
        assert_eq!(none.apply(Duration::MAX, 0.5), Some(TTL_MAX));
        assert_eq!(Jitter::percent(255).apply(Duration::from_secs(1), 1.0), Some(TTL_MIN));
    }
}
