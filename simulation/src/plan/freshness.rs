//! What the cached function of a world says of time beside its ttl.

use std::time::Duration;

use crate::plan::millis;

/// What it says. Times are such that a ttl, a body and a few messages are of their length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Values serve past their ttl while they are refreshed, and where that fails; and they are refreshed early.
    Lenient,
    /// Values serve past their ttl where a load fails.
    Covered,
    /// The same, and where it takes longer than a soft timeout.
    Soft,
    /// Calls give up at a hard timeout, and their loads go on.
    Hard,
    /// Both.
    SoftAndHard,
    /// Values go that are not hit for a while.
    Idle,
    /// Values are loaded again and again.
    Kept,
}

/// How long past their ttl values serve while they are refreshed.
pub(crate) const REVALIDATE: Duration = Duration::from_millis(60);

/// The longest that values serve past their ttl.
pub(crate) const IF_ERROR: Duration = Duration::from_secs(2);

/// How long a value past its ttl waits for a load.
pub(crate) const SOFT: Duration = Duration::from_millis(20);

/// How long a call waits for anything.
pub(crate) const HARD: Duration = Duration::from_millis(150);

/// How long a value lives that nobody hits.
pub(crate) const IDLE: Duration = Duration::from_millis(80);

/// How often values are loaded again.
pub(crate) const EVERY: Duration = Duration::from_millis(100);

impl Freshness {
    /// When a call gives up.
    pub(crate) fn hard(self) -> Option<Duration> {
        matches!(self, Self::Hard | Self::SoftAndHard).then_some(HARD)
    }

    /// How long a value lives that nobody hits.
    pub(crate) fn idle(self) -> Option<Duration> {
        (self == Self::Idle).then_some(IDLE)
    }

    /// How long past its ttl a value serves, at the longest.
    pub(crate) fn window(self) -> Duration {
        match self {
            Self::Lenient | Self::Covered | Self::Soft | Self::SoftAndHard => IF_ERROR,
            Self::Hard | Self::Idle | Self::Kept => Duration::ZERO,
        }
    }

    /// Whether a hit is more than one.
    pub(crate) fn looks_at_hits(self) -> bool {
        matches!(self, Self::Lenient | Self::Idle | Self::Kept)
    }

    /// What ttls, in ms, let it be seen.
    pub(super) fn ttls(self) -> &'static [u64] {
        match self {
            Self::Lenient | Self::Covered | Self::Soft | Self::SoftAndHard => &[20, 60, 150],
            Self::Hard => &[60, 300, 60_000],
            Self::Idle => &[150, 300, 60_000],
            Self::Kept => &[150, 300],
        }
    }

    /// It, where messages take no longer than `delay_max` ms. Half of a hard timeout is for the store, which is taken for
    /// one that does not answer if its messages take longer.
    pub(super) fn under(self, delay_max: u64) -> Self {
        let has_time = millis(4 * delay_max) <= HARD / 2;
        match self {
            Self::Hard | Self::SoftAndHard if !has_time => Self::Soft,
            freshness => freshness,
        }
    }
}
