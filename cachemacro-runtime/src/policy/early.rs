//! When a hit refreshes what has not expired yet, so that a hot key never does under load.
//!
//! The rule is XFetch: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede
//! Prevention", PVLDB 8(8), VLDB 2015. A hit refreshes if `cost · β · −ln(u) ≥ time left`, for a random
//! `u` in `(0, 1]`, where `cost` is what the load took. With β = 1, which the paper shows to be optimal, a
//! key that is hit all the time is refreshed about one to a few load times before it expires.

use std::time::Duration;

use super::Stamp;

/// Whether a hit at this age refreshes, for a random number in `0.0..1.0`.
pub(crate) fn is_early(age: Duration, stamp: Stamp, random: f64) -> bool {
    let Some(left) = stamp.fresh.checked_sub(age) else { return true };
    // From (0, 1], whose logarithm is finite.
    let chance = 1.0 - random.clamp(0.0, 1.0 - f64::EPSILON);
    stamp.cost.as_secs_f64() * -chance.ln() >= left.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(fresh_ms: u64, cost_ms: u64) -> Stamp {
        Stamp { fresh: Duration::from_millis(fresh_ms), cost: Duration::from_millis(cost_ms) }
    }

    fn share(age_ms: u64, stamp: Stamp) -> f64 {
        const DRAWS: u32 = 20_000;
        let age = Duration::from_millis(age_ms);
        let early = (0..DRAWS).filter(|at| is_early(age, stamp, f64::from(*at) / f64::from(DRAWS))).count();
        early as f64 / f64::from(DRAWS)
    }

    #[test]
    fn the_share_of_early_hits_is_exponential_in_the_time_left_over_the_cost() {
        for (left, cost) in [(50, 50), (100, 50), (10, 50), (50, 200)] {
            let expected = (-(left as f64) / cost as f64).exp();
            let share = share(1000 - left, stamp(1000, cost));
            assert!((share - expected).abs() < 0.001, "{left} ms left at {cost} ms: {share} for {expected}");
        }
    }

    #[test]
    fn it_grows_with_age_and_cost_and_draws() {
        for _ in 0..100_000 {
            let [fresh, age, cost, more] = [(); 4].map(|()| rand::random_range(0..1_000_u64));
            let random = rand::random::<f64>();
            let ms = Duration::from_millis;
            if is_early(ms(age), stamp(fresh, cost), random) {
                assert!(is_early(ms(age + more), stamp(fresh, cost), random));
                assert!(is_early(ms(age), stamp(fresh, cost + more), random));
                assert!(is_early(ms(age), stamp(fresh, cost), random + rand::random::<f64>()));
            }
        }
    }

    #[test]
    fn what_cost_nothing_is_never_early_and_what_is_past_its_time_always() {
        assert!(!is_early(Duration::from_millis(999), stamp(1000, 0), 1.0));
        assert!(is_early(Duration::from_millis(1001), stamp(1000, 0), 0.0));
    }
}
