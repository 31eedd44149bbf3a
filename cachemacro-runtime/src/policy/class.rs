//! Classes of ttl: names for how long values of a kind live.

use std::time::Duration;

/// How long the values of a class live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TtlClass {
    /// So long.
    Fixed(Duration),
    /// So many times what the load cost, within these bounds: what is dear to load is kept longer.
    Computed {
        /// How many times.
        times: u32,
        /// No shorter than this.
        min: Duration,
        /// No longer than this.
        max: Duration,
    },
}

/// The classes that every cache has, unless it sets them otherwise.
pub(crate) const CLASSES: [(&str, TtlClass); 4] = [
    ("static", TtlClass::Fixed(Duration::from_secs(24 * 60 * 60))),
    ("user", TtlClass::Fixed(Duration::from_secs(60 * 60))),
    ("realtime", TtlClass::Fixed(Duration::from_secs(60))),
    ("computed", TtlClass::COMPUTED),
];

impl TtlClass {
    /// A thousand times what the load cost, from 1 s to a day: a hot key then takes at most a thousandth of
    /// one caller's time of its source.
    pub const COMPUTED: Self =
        Self::Computed { times: 1000, min: Duration::from_secs(1), max: Duration::from_secs(24 * 60 * 60) };

    /// The ttl of a value whose load took so long.
    pub(crate) fn ttl(self, cost: Duration) -> Duration {
        match self {
            Self::Fixed(ttl) => ttl,
            Self::Computed { times, min, max } => cost.saturating_mul(times).min(max).max(min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computed_ttl_is_a_multiple_of_the_cost_within_its_bounds() {
        for _ in 0..10_000 {
            let cost = Duration::from_micros(rand::random_range(0..200_000_000));
            let ttl = TtlClass::COMPUTED.ttl(cost);
            let (second, day) = (Duration::from_secs(1), Duration::from_secs(24 * 60 * 60));
            assert!(ttl >= second && ttl <= day);
            assert!(ttl == cost * 1000 || ttl == second || ttl == day);
            assert!(TtlClass::COMPUTED.ttl(cost + second) >= ttl);
        }
        assert_eq!(TtlClass::COMPUTED.ttl(Duration::MAX), Duration::from_secs(24 * 60 * 60));
        assert_eq!(TtlClass::Fixed(Duration::from_secs(7)).ttl(Duration::MAX), Duration::from_secs(7));
    }
}
