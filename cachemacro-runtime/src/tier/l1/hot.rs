//! What was read lately, once more for each processor, so that hits of different threads share no cache line.
//!
//! Nothing is here that is not in the table, but for a moment: whoever takes a value from under its key there says so
//! here, under the key's lock. A value is served only if nobody has since before it was found in the table, and
//! nobody waits for anybody: a slot that another thread looks at is passed over, on both sides.

use std::any::Any;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use quick_cache::DefaultHashBuilder;

use crate::clock::Moment;
use crate::store::memory::table::Witness;
use crate::stripe;
use crate::tier::l1::Stored;

/// What a call takes of a value that is served, if it is of its type; it says whether it was.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&(dyn Any + Send + Sync)) -> bool;

/// Which part of the memory the slots may take: a thirty-second.
const PART: u64 = 32;

/// Processors that have slots of their own; more than that share.
const DESKS_MAX: usize = 32;

/// Keys share a generation with those of their stripe. So few are always in the processor's cache.
const STRIPES: usize = 2048;

/// After so long the table is asked again, so that it knows what is read and evicts other values.
const AGAIN: Duration = Duration::from_millis(100);

/// Values in slots that each processor has for itself.
pub(super) struct Hot {
    /// None before anything is stored.
    desks: OnceLock<Box<[Desk]>>,
    desk_slots: usize,
    /// How many values of each stripe were taken from the table.
    generations: Box<[AtomicU64; STRIPES]>,
    hasher: DefaultHashBuilder,
}

type Desk = Box<[Slot]>;
type Slot = Mutex<Option<Kept>>;

/// A value that was found in the table.
struct Kept {
    stored: Arc<Stored>,
    /// That of its stripe, from before it was found.
    generation: u64,
    until: Moment,
}

/// The right to keep what is found from now on.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    hash: u64,
    generation: u64,
}

impl Hot {
    /// Takes its part of the memory, and says how much is left.
    pub(super) fn new(bytes_max: u64) -> (Self, u64) {
        let part = bytes_max / PART;
        let slots = usize::try_from(part).unwrap_or(usize::MAX) / size_of::<Slot>();
        let hot = Self {
            desks: OnceLock::new(),
            desk_slots: slots / desks(),
            generations: Box::new([const { AtomicU64::new(0) }; STRIPES]),
            hasher: DefaultHashBuilder::default(),
        };
        (hot, bytes_max - part)
    }

    /// Makes the slots, if there are none yet: a hit allocates nothing.
    pub(super) fn open(&self) {
        let desk = || std::iter::repeat_with(Slot::default).take(self.desk_slots).collect();
        self.desks.get_or_init(|| std::iter::repeat_with(desk).take(desks()).collect());
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// Serves what is under a key, if it is here and may be served.
    #[inline(always)]
    pub(super) fn get(&self, key: &[u8], hash: u64, version: u64, now: Moment, take: Take<'_>) -> bool {
        let Some(slot) = self.own_slot(hash) else { return false };
        match &*slot {
            Some(kept)
                if kept.stored.version == version
                    && is_same(&kept.stored.key, key)
                    && self.is_current(kept, hash, now) =>
            {
                take(&*kept.stored.value)
            }
            _ => false,
        }
    }

    /// To be asked for before the table is.
    pub(super) fn ticket(&self, hash: u64) -> Ticket {
        Ticket { hash, generation: self.generation(hash).load(Ordering::Acquire) }
    }

    /// Keeps what the table has, in the place of what is not read as often.
    pub(super) fn keep(&self, stored: Arc<Stored>, ticket: Ticket, now: Moment, until: Moment) {
        let Ticket { hash, generation } = ticket;
        let Some(mut slot) = self.own_slot(hash) else { return };
        let is_taken = |other: &Kept| other.stored.key != stored.key && self.is_current(other, hash, now);
        if slot.as_ref().is_some_and(is_taken) {
            return;
        }
        let kept = Kept { stored: Arc::clone(&stored), generation, until: until.min(now + AGAIN) };
        let replaced = slot.replace(kept);
        drop(slot);
        // A value may do anything as it is dropped.
        drop(replaced);
        if self.ticket(hash).generation != generation {
            // Whoever took it from the table may have looked for it here before it was kept.
            self.forget_hashed(&stored.key, hash);
        }
    }

    /// Serves nothing that was found in the table up to now.
    pub(super) fn forget_all(&self) {
        for generation in &*self.generations {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether it is still what the table has, as far as that is not to be asked again.
    #[inline]
    fn is_current(&self, kept: &Kept, hash: u64, now: Moment) -> bool {
        kept.until > now && kept.generation == self.generation(hash).load(Ordering::Acquire)
    }

    #[inline]
    fn generation(&self, hash: u64) -> &AtomicU64 {
        &self.generations[hash as usize % STRIPES]
    }

    #[inline(always)]
    fn own_slot(&self, hash: u64) -> Option<MutexGuard<'_, Option<Kept>>> {
        let desks = self.desks.get()?;
        // There are as many as processors, which is a power of two.
        slot(desks.get(stripe::number() & (desks.len() - 1))?, hash)
    }

    fn forget_hashed(&self, key: &[u8], hash: u64) {
        for desk in self.desks.get().into_iter().flatten() {
            // Where another thread looks at the slot, what is in it stays until the slot is needed. It is not served.
            let forgotten = slot(desk, hash).and_then(|mut slot| match &*slot {
                Some(kept) if *kept.stored.key == *key => slot.take(),
                _ => None,
            });
            drop(forgotten);
        }
    }
}

impl Witness for Arc<Hot> {
    fn gone(&self, key: &[u8]) {
        self.generation(self.hash(key)).fetch_add(1, Ordering::AcqRel);
    }

    fn forget(&self, key: &[u8]) {
        self.forget_hashed(key, self.hash(key));
    }
}

/// How many processors have slots of their own.
fn desks() -> usize {
    stripe::processors().min(DESKS_MAX)
}

/// The slot of a key, if no other thread is at it.
#[inline]
fn slot(desk: &Desk, hash: u64) -> Option<MutexGuard<'_, Option<Kept>>> {
    // The upper bits, as the lower ones choose the stripe.
    let at = (u128::from(hash) * desk.len() as u128) >> 64;
    desk.get(at as usize)?.try_lock()
}

/// Whether two keys are equal: as `==` says, in half the time for keys of the usual length.
#[inline(always)]
fn is_same(kept: &[u8], key: &[u8]) -> bool {
    // The last eight of each, so that there is no rest; what is before them in words of eight.
    match (kept.last_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(last), Some(key_last)) if kept.len() == key.len() => {
            let words = kept.as_chunks::<8>().0.iter().zip(key.as_chunks::<8>().0);
            u64::from_ne_bytes(*last) == u64::from_ne_bytes(*key_last)
                && words.into_iter().all(|(kept, key)| u64::from_ne_bytes(*kept) == u64::from_ne_bytes(*key))
        }
        _ => kept == key,
    }
}

impl std::fmt::Debug for Hot {
    /// Values are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
