//! When this process last extended which entry, so that not every hit is a write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::codec::Typed;
use crate::policy::Life;
use crate::store::{Permit, Token};
use crate::tier::{Seen, Sighting, Storing, Tier};

/// Entries that are remembered. Two that share a place extend each other's more often, and no entry less.
const PLACES: usize = 1024;

/// Which part of an `idle` passes before a hit extends it again.
const PART: u32 = 8;

/// The last extension of each of some entries.
#[derive(Debug)]
pub(crate) struct Touches {
    /// The upper half of a fill id's word, and the time in ms; made by the first function with an `idle`.
    places: OnceLock<Box<[AtomicU64]>>,
    clock: Clock,
    start: Moment,
}

impl Touches {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { places: OnceLock::new(), start: clock.now(), clock }
    }

    /// Whether a hit extends an entry of this age now; it is then taken to do so.
    pub(super) fn is_due(&self, fill_id: Token, age: Duration, idle: Duration) -> bool {
        let pause = idle / PART;
        if age < pause {
            return false;
        }
        let places = self.places.get_or_init(|| (0..PLACES).map(|_| AtomicU64::new(0)).collect());
        let word = fill_id.as_bytes().iter().take(8).fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
        let place = &places[word as usize % PLACES];
        // Wraps after 49 days; what is then taken for new is extended an eighth later.
        let now_ms = self.clock.now().since(self.start).as_millis() as u32;
        let last = place.load(Ordering::Relaxed);
        let is_its = last >> 32 == word >> 32;
        if is_its && u128::from(now_ms.wrapping_sub(last as u32)) < pause.as_millis() {
            return false;
        }
        place.store(word >> 32 << 32 | u64::from(now_ms), Ordering::Relaxed);
        true
    }
}

/// Stores what was hit where it is gone, which is wrong: it may be gone because it was invalidated.
pub(super) async fn put_back(tier: Tier, key: Arc<[u8]>, form: Typed, ttl: Duration, seen: Seen) {
    if let Sighting::Lead(lease) = tier.lookup(&key, &form, ttl).await {
        let (permit, mark, life) =
            (Permit::Lease(lease.token()), lease.mark(), Life { stamp: seen.stamp, kept: seen.stamp.fresh });
        let storing = Storing { key: &key, form, permit, mark, notes: None, value: &seen.value, life };
        let _ = tier.fill(storing).await;
        lease.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_hits_one_in_an_eighth_of_an_idle_extends() {
        let clock = Clock::manual();
        let (touches, fill_id, idle) =
            (Touches::new(clock.clone()), Token::random(), Duration::from_secs(80));
        let mut extended = 0;
        for second in 0..800 {
            for _ in 0..10 {
                extended += u32::from(touches.is_due(fill_id, Duration::from_secs(second), idle));
            }
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(extended, 79);
    }
}
