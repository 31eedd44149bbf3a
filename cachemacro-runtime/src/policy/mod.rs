//! How long a value lives: pure decisions, with no clock of their own.

mod terms;

use std::time::Duration;

pub use terms::{Clauses, Terms};

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
        let kept = 1.0 - random.clamp(0.0, 1.0) * f64::from(self.percent) / 100.0;
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
