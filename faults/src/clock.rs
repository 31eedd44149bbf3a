//! One time for all processes: CLOCK_MONOTONIC counts from the same moment everywhere on a machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Microseconds of CLOCK_MONOTONIC.
pub(crate) type Micros = u64;

/// The time now.
pub(crate) fn now() -> Micros {
    let time = clock_gettime(ClockId::Monotonic);
    (time.tv_sec as u64) * 1_000_000 + (time.tv_nsec as u64) / 1_000
}

/// A duration in the unit of the history.
pub(crate) const fn micros(duration: Duration) -> Micros {
    duration.as_micros() as Micros
}
