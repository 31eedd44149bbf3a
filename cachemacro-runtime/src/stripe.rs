//! Places of which each thread has its own, so that threads that do the same do not wait for each other's cache lines.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The places of a tally. Beyond so many threads some share one, which costs time and nothing else.
const PLACES: usize = 8;

/// The number of a thread that has asked for none yet.
const NONE: usize = usize::MAX;

/// The number of all threads that are over but for what they drop.
const OVER: usize = usize::MAX - 1;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    static GIVEN: Given = Given(free(|free| free.pop_first()).unwrap_or_else(next));
}

/// The number of this thread, which no other has that runs: the least that is free as it first asks.
#[inline]
pub(crate) fn number() -> usize {
    let number = NUMBER.get();
    if number != NONE { number } else { numbered() }
}

#[cold]
fn numbered() -> usize {
    let number = GIVEN.try_with(|given| given.0).unwrap_or(OVER);
    NUMBER.set(number);
    number
}

/// A number that is given back as its thread ends.
struct Given(usize);

impl Drop for Given {
    fn drop(&mut self) {
        NUMBER.set(OVER);
        free(|free| free.insert(self.0));
    }
}

/// A number that no thread had.
fn next() -> usize {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) as usize
}

/// Looks at the numbers that were given back.
fn free<T>(look: impl FnOnce(&mut BTreeSet<usize>) -> T) -> T {
    static FREE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
    look(&mut FREE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How many threads can run at once, as a power of two.
pub(crate) fn processors() -> usize {
    // Asking the system takes longer than all else that makes a cache.
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS
        .get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two())
}

/// What can be counted up.
pub(crate) trait Count {
    /// Counts so many more.
    fn add(&self, more: u64);
}

impl Count for AtomicU64 {
    #[inline]
    fn add(&self, more: u64) {
        self.fetch_add(more, Ordering::Relaxed);
    }
}

/// A counter for what many threads count all the time.
#[derive(Debug)]
pub(crate) struct Tally([Place; PLACES]);

/// A cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Place {
    /// What the one thread has counted that has its number: it alone writes, and needs no locked instruction.
    own: AtomicU64,
    /// What those have that share it.
    shared: AtomicU64,
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self([const { Place { own: AtomicU64::new(0), shared: AtomicU64::new(0) } }; PLACES])
    }

    /// All that was counted.
    pub(crate) fn sum(&self) -> u64 {
        let counts = self.0.iter().flat_map(|Place { own, shared }| [own, shared]);
        counts.map(|count| count.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Count for Tally {
    #[inline]
    fn add(&self, more: u64) {
        let number = number();
        match self.0.get(number) {
            Some(Place { own, .. }) => {
                own.store(own.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
            }
            None => self.0[number % PLACES].shared.add(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_number_and_no_other_has_it() {
        let ours = number();
        assert_eq!(number(), ours);
        assert_ne!(std::thread::spawn(number).join().unwrap(), ours);
    }

    #[test]
    fn a_tally_counts_what_all_threads_count() {
        let tally = Tally::new();
        std::thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| (0..100).for_each(|_| tally.add(2)));
            }
        });
        assert_eq!(tally.sum(), 2 * 100 * 2 * PLACES as u64);
    }
}
