//! Time that can be injected: a coarse monotonic clock, or one that a test moves by hand.

use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of monotonic time.
///
/// The system's is `CLOCK_MONOTONIC_COARSE` on Linux: it is as exact as the kernel's tick (1 to
/// 10 ms) and costs a fifth of [`Instant::now`](std::time::Instant::now). It stands still while a
/// virtual machine is suspended.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
    /// That of tokio, since this moment.
    Tokio(tokio::time::Instant),
}

/// A point on a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    nanos: u64,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    pub fn manual() -> Self {
        Self { source: Source::Manual(Arc::new(AtomicU64::new(0))) }
    }

    /// A clock that goes as tokio's does, which a test can pause. It begins now.
    #[doc(hidden)]
    pub fn tokio() -> Self {
        Self { source: Source::Tokio(tokio::time::Instant::now()) }
    }

    /// Moves a manual clock forward, for all of its clones; the system's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.source {
            manual.fetch_add(saturating_nanos(by), Ordering::SeqCst);
        }
    }

    /// The time now.
    #[inline]
    pub fn now(&self) -> Moment {
        match &self.source {
            Source::System => Moment { nanos: system_nanos() },
            Source::Manual(manual) => Moment { nanos: manual.load(Ordering::SeqCst) },
            Source::Tokio(start) => Moment { nanos: saturating_nanos(start.elapsed()) },
        }
    }
}

impl Moment {
    /// Before all others.
    pub(crate) const FIRST: Self = Self { nanos: 0 };

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    pub(crate) const fn nanos(self) -> u64 {
        self.nanos
    }

    /// The moment that is earlier by this, if there is one.
    #[inline]
    pub(crate) fn earlier(self, by: Duration) -> Option<Self> {
        Some(Self { nanos: self.nanos.checked_sub(saturating_nanos(by))? })
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self { nanos: self.nanos.saturating_add(saturating_nanos(by)) }
    }
}

fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
#[inline]
fn system_nanos() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::MonotonicCoarse);
    // The monotonic clock starts at boot: neither part is negative, and 584 years fit.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(not(target_os = "linux"))]
fn system_nanos() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    saturating_nanos(START.get_or_init(Instant::now).elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_for_all_clones() {
        let clock = Clock::manual();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_millis(1));
        assert_eq!(clock.now().since(start), Duration::from_millis(1));
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock = Clock::system();
        let start = clock.now();
        assert!(clock.now() >= start);
        assert_eq!(start.since(start + Duration::from_secs(1)), Duration::ZERO);
    }
}
