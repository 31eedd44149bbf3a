//! Places of which each thread has its own, so that threads that do the same do not wait for each other's cache lines.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The places of a tally. Beyond so many threads some share one, which costs time and nothing else.
const PLACES: usize = 8;

/// The number of this thread: they are numbered as they first ask.
#[inline]
pub(crate) fn number() -> usize {
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // One that is taken for none is asked again, and that is all.
        NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 1)
    }
    let number = NUMBER.get();
    if number != usize::MAX {
        return number;
    }
    let number = next();
    NUMBER.set(number);
    number
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
struct Place(AtomicU64);

impl Tally {
    pub(crate) const fn new() -> Self {
        Self([const { Place(AtomicU64::new(0)) }; PLACES])
    }

    /// All that was counted.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|Place(count)| count.load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Count for Tally {
    #[inline]
    fn add(&self, more: u64) {
        self.0[number() % PLACES].0.add(more);
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
