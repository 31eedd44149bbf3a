//! The only source of chance: the thread's generator, or one with a seed, so that a run can be replayed.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::distr::{Distribution, StandardUniform};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Whether any thread was ever seeded: no program is, and then nobody looks for a seeded generator.
static SEEDED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static GENERATOR: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// Lets all chance on this thread follow from a seed, from now on. For simulations: tokens are then
/// known to whoever knows the seed.
pub fn seed(seed: u64) {
    SEEDED.store(true, Ordering::Relaxed);
    GENERATOR.with_borrow_mut(|generator| *generator = Some(StdRng::seed_from_u64(seed)));
}

/// A random value; of a float, from 0 to 1.
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    if SEEDED.load(Ordering::Relaxed)
        && let Some(value) = GENERATOR.with_borrow_mut(|generator| Some(generator.as_mut()?.random()))
    {
        return value;
    }
    rand::random()
}

/// A factor from a half to one, so that not all who wait come back at once.
pub(crate) fn jitter() -> f64 {
    0.5 + random::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_all_that_follows_on_its_thread() {
        let run = || {
            seed(7);
            (random::<u64>(), random::<f64>(), random::<[u8; 16]>())
        };
        let other = std::thread::spawn(run).join().unwrap();
        assert_eq!(run(), other);
        assert_ne!(std::thread::spawn(random::<u64>).join().unwrap(), other.0);
    }
}
