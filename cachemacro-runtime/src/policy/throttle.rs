//! How long a key's source is left alone after its load has failed, while there is a stale value to serve.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// After many in a row.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// The pause after so many failures in a row: 1 s, doubling up to 30 s, of which a random half is taken off
/// so that keys and processes do not come back together. `random` is from 0 to 1.
///
/// Exponential backoff with "equal jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
/// Blog, 2015.
pub(crate) fn pause(failures: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_lie_in_their_upper_half() {
        for _ in 0..10_000 {
            let (failures, random) = (rand::random_range(1..100), rand::random::<f64>());
            let pause = pause(failures, random);
            assert!(pause <= LONGEST && pause >= FIRST / 2);
            assert!(super::pause(failures + 1, random) >= pause);
        }
        assert_eq!(pause(1, 1.0), FIRST);
        assert_eq!(pause(3, 0.0), FIRST * 2);
        assert_eq!(pause(u32::MAX, 1.0), LONGEST);
    }
}
