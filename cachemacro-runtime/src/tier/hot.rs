//! What was read lately, once more for each processor, so that hits of different threads share no cache line.
//!
//! A slot is found by the key, or by the [image](crate::key::Image) of the arguments, so that a hit need not write the
//! key; it holds what it is found by, and the value, so that a hit looks at two cache lines, of which one is the value's.
//!
//! Nothing is here that is not in the table behind, but for a moment: whoever takes a value from under its key there says
//! so here. A value is served only if nobody has since before it was found in the table, and nobody waits for anybody: a
//! slot that another thread looks at is passed over, on both sides.
//!
//! Why no value is served after it was taken away. A reader loads the generation of the key's stripe, then finds the
//! value in the table, and keeps it with that generation; a writer takes the value from the table and adds one to the
//! generation, and neither is seen without the other: both are under the key's lock, or the value is taken first.
//!
//! - The reader found the value, so it was in the table then; the generation that it keeps is of before, and so of before
//!   the writer has added to it. Once the writer is done, that is not the generation any more, and never is again.
//! - Who asks for the value after the writer is done loads the generation after the writer has added to it, and compares.
//!   Each generation is one atomic, so that nobody who has synchronized with the writer loads an earlier one.
//!
//! It is the key's stripe also for what is found by an image: equal images have equal keys, so that the key of a kept value
//! is that of each call that finds it, and its stripe is kept beside it. Generations are compared by their lower half. They
//! would have to come round in [`LONGEST`] for an old one to be taken for a new one; each step takes a writer's time.

mod stored;

use std::any::Any;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use atomic_refcell::{AtomicRefCell, AtomicRefMut};
use quick_cache::DefaultHashBuilder;

use crate::clock::Moment;
use crate::key::Words;
use crate::mutants::{self, Mutant};
use crate::shape::Shared;
use crate::stripe;
pub(super) use stored::Stored;

/// What a call takes of a value that is served, if it is of its type; it says whether it was.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&(dyn Any + Send + Sync)) -> bool;

/// Which part of the memory the slots may take: a sixteenth.
const PART: u64 = 16;

/// How many a processor has at most: more would not be in its cache.
const DESK_SLOTS_MAX: usize = 1 << 16;

/// Processors that have slots of their own; more than that share.
const DESKS_MAX: usize = 32;

/// Keys share a generation with those of their stripe. So few are always in the processor's cache.
const STRIPES: usize = 2048;

/// How much may come into a table before it is asked again for all that is read, in 65,536ths: a sixteenth. Where nothing
/// comes, nothing is evicted, and it need not know.
const SHARE_ASKED: u64 = 4096;

/// After so long the table is asked again in any case.
const LONGEST: Duration = Duration::from_secs(10);

/// Values in slots that each processor has for itself.
pub(super) struct Hot {
    /// Those of all processors; none before anything is stored.
    slots: OnceLock<Box<[Slot]>>,
    /// How many a processor has.
    desk_slots: usize,
    /// How many processors have some, which is a power of two, less one.
    desks_mask: usize,
    /// How many values of each stripe were taken from the table.
    generations: Box<[AtomicU64; STRIPES]>,
    hasher: DefaultHashBuilder,
    /// How much came into the tables, in 65,536ths of each.
    filled: AtomicU64,
}

/// One cache line, so that a look at what is not there costs no more than that.
#[derive(Default)]
#[repr(align(64))]
struct Slot(AtomicRefCell<Option<Kept>>);

type Borrowed<'a> = AtomicRefMut<'a, Option<Kept>>;

/// A value that was found in the table.
struct Kept {
    /// The value, where it is found by an image; by the key, what the table has: a [`Stored`].
    found: Shared,
    /// The image; for what is found by the key, its hash.
    words: Words,
    until: Moment,
    /// That of its stripe, from before it was found.
    generation: u32,
    stripe: u16,
    /// The number of the function, where it is found by an image, or by a key as if that were one.
    function: Option<NonZeroU16>,
}

/// What a call asks for without a look at the table: the image of its arguments, or a short key; and of which function.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    function: NonZeroU16,
    words: Words,
}

impl Asked {
    /// By the image of the arguments.
    #[inline(always)]
    pub(crate) fn by_image(function: NonZeroU16, words: Words) -> Self {
        Self { function, words }
    }

    /// By the key itself, which is never taken for an image.
    #[inline(always)]
    pub(crate) fn by_key(function: NonZeroU16, words: Words) -> Self {
        Self { function: function | BY_KEY, words }
    }
}

/// What tells keys of a function from images: no function has a number with it.
const BY_KEY: u16 = 1 << 15;

/// A value in its slot, which nobody else looks at meanwhile.
pub(crate) struct Served<'a>(Borrowed<'a>);

impl Served<'_> {
    /// The value.
    #[inline(always)]
    pub(crate) fn value(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.0.as_ref().map(|kept| &*kept.found)
    }
}

/// The right to keep what is found from now on under a key.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    hash: u64,
    generation: u32,
}

impl Hot {
    /// Takes its part of the memory, and says how much is left.
    pub(super) fn new(bytes_max: u64) -> (Self, u64) {
        let desks = stripe::processors().min(DESKS_MAX);
        let slots = usize::try_from(bytes_max / PART).unwrap_or(usize::MAX) / size_of::<Slot>();
        // Each has a neighbour.
        let desk_slots = (slots / desks).min(DESK_SLOTS_MAX) & !1;
        let part = (desk_slots * desks * size_of::<Slot>()) as u64;
        let hot = Self {
            slots: OnceLock::new(),
            desk_slots,
            desks_mask: desks - 1,
            generations: Box::new([const { AtomicU64::new(0) }; STRIPES]),
            hasher: DefaultHashBuilder::default(),
            filled: AtomicU64::new(0),
        };
        (hot, bytes_max - part)
    }

    /// Makes the slots, if there are none yet: a hit allocates nothing.
    pub(super) fn open(&self) {
        let slots =
            || std::iter::repeat_with(Slot::default).take(self.desk_slots * (self.desks_mask + 1)).collect();
        self.slots.get_or_init(slots);
    }

    /// The hash of a key.
    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// Serves what is under a key, if it is here and may be served.
    #[inline(always)]
    pub(super) fn get(&self, key: &[u8], hash: u64, version: u64, now: Moment, take: Take<'_>) -> bool {
        let Some(slot) = self.find(hash, |kept| kept.is_hashed(hash)) else { return false };
        match slot.as_ref().and_then(|kept| Some((kept, kept.stored()?))) {
            Some((kept, stored)) => {
                stored.version == version
                    && is_same(&stored.key, key)
                    && self.is_current(kept, now)
                    && take(&*stored.value)
            }
            None => false,
        }
    }

    /// What these arguments were answered with, if it is here and may be served.
    #[inline(always)]
    pub(super) fn get_asked(&self, asked: Asked, now: Moment) -> Option<Served<'_>> {
        let slot = self.find(self.place(asked), |kept| kept.is_of(asked) && self.is_current(kept, now))?;
        Some(Served(slot))
    }

    /// To be asked for before the table is.
    pub(super) fn ticket(&self, hash: u64) -> Ticket {
        Ticket { hash, generation: self.generation(stripe_of(hash)) }
    }

    /// Keeps what the table has, in the place of what is not read as often.
    pub(super) fn keep(
        &self,
        stored: &Arc<Stored>,
        asked: Option<Asked>,
        ticket: Ticket,
        now: Moment,
        until: Moment,
    ) {
        let Ticket { hash, generation } = ticket;
        // Whoever takes it from the table has to find it here, and finds it at one place.
        let asked = asked.filter(|asked| stored.is_kept_at(self.place(*asked)));
        let (place, function, words, found) = match asked {
            None => (hash, None, [hash, 0, 0], Arc::clone(stored) as Shared),
            Some(asked) => (self.place(asked), Some(asked.function), asked.words, Arc::clone(&stored.value)),
        };
        let is_its = |kept: &Kept| match asked {
            None => kept.is_hashed(hash),
            Some(asked) => kept.is_of(asked),
        };
        let is_free = |kept: &Kept| !self.is_current(kept, now);
        let Some(mut slot) = self.find(place, is_its).or_else(|| self.find_free(place, is_free)) else {
            return;
        };
        let (stripe, until) = (stripe_of(hash), until.min(now + LONGEST));
        let replaced = slot.replace(Kept { found, words, until, generation, stripe, function });
        drop(slot);
        // A value may do anything as it is dropped.
        drop(replaced);
        if self.ticket(hash).generation != generation {
            // Whoever took it from the table may have looked for it here before it was kept.
            self.forget(stored);
        }
    }

    /// A value under this key is no longer in the table, or is just being taken from it.
    pub(super) fn gone(&self, key: &[u8]) {
        if !mutants::is(Mutant::SlotsNotTold) {
            let stripe = stripe_of(self.hash(key));
            self.generations[usize::from(stripe)].fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A value has come into a table, of so many 65,536ths of it: after a sixteenth, the table is to know anew what is read.
    pub(super) fn filled(&self, share: u64) {
        if self.filled.fetch_add(share, Ordering::Relaxed) % SHARE_ASKED + share >= SHARE_ASKED {
            self.ask_again();
        }
    }

    /// Drops what is kept of a value that has gone.
    pub(super) fn forget(&self, stored: &Stored) {
        if mutants::is(Mutant::SlotsNotTold) {
            return;
        }
        let hash = self.hash(&stored.key);
        self.drop_each(hash, |kept| kept.is_hashed(hash));
        if let Some(place) = stored.place() {
            self.drop_each(place, |kept| kept.function.is_some() && Arc::ptr_eq(&kept.found, &stored.value));
        }
    }

    /// Has all that was found up to now be asked for again.
    pub(super) fn ask_again(&self) {
        for generation in &*self.generations {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Drops all that is kept.
    pub(super) fn clear(&self) {
        self.ask_again();
        for slot in self.slots.get().into_iter().flatten() {
            let forgotten = slot.borrow().and_then(|mut slot| slot.take());
            drop(forgotten);
        }
    }

    /// Whether it is still what the table has, as far as that is not to be asked again.
    #[inline(always)]
    fn is_current(&self, kept: &Kept, now: Moment) -> bool {
        kept.until > now && kept.generation == self.generation(kept.stripe)
    }

    #[inline(always)]
    fn generation(&self, stripe: u16) -> u32 {
        self.generations[usize::from(stripe) % STRIPES].load(Ordering::Acquire) as u32
    }

    /// Where the answer to a call is looked for.
    #[inline(always)]
    fn place(&self, Asked { function, words }: Asked) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for word in words {
            hasher.write_u64(word);
        }
        hasher.write_u16(function.get());
        hasher.finish()
    }

    /// The slot at a place, or its neighbour, that holds this.
    #[inline(always)]
    fn find(&self, place: u64, is_its: impl Fn(&Kept) -> bool) -> Option<Borrowed<'_>> {
        let (slots, at) = (self.slots.get()?, self.own_at(place));
        let holds = |slot: &Borrowed<'_>| slot.as_ref().is_some_and(&is_its);
        let first = slots.get(at)?.borrow().filter(holds);
        if first.is_some() {
            return first;
        }
        slots.get(at ^ 1)?.borrow().filter(holds)
    }

    /// The slot at a place, or its neighbour, whose content is not needed.
    fn find_free(&self, place: u64, is_free: impl Fn(&Kept) -> bool) -> Option<Borrowed<'_>> {
        let (slots, at) = (self.slots.get()?, self.own_at(place));
        let mut both = [at, at ^ 1].into_iter().filter_map(|at| slots.get(at)?.borrow());
        both.find(|slot| slot.as_ref().is_none_or(&is_free))
    }

    /// Which slot of this processor a place is.
    #[inline(always)]
    fn own_at(&self, place: u64) -> usize {
        self.at(stripe::number() & self.desks_mask, place)
    }

    /// Which slot of a processor a place is. By the upper bits, as the lower ones choose the stripe.
    #[inline(always)]
    fn at(&self, desk: usize, place: u64) -> usize {
        desk * self.desk_slots + ((u128::from(place) * self.desk_slots as u128) >> 64) as usize
    }

    fn drop_each(&self, place: u64, is_its: impl Fn(&Kept) -> bool) {
        let Some(slots) = self.slots.get() else { return };
        for at in (0..=self.desks_mask).map(|desk| self.at(desk, place)) {
            for slot in [at, at ^ 1].into_iter().filter_map(|at| slots.get(at)) {
                // Where another thread looks at the slot, what is in it stays until the slot is needed. It is not served.
                let forgotten = slot.borrow().and_then(|mut slot| slot.take_if(|kept| is_its(kept)));
                drop(forgotten);
            }
        }
    }
}

impl Slot {
    /// The slot, if no other thread is at it.
    #[inline(always)]
    fn borrow(&self) -> Option<Borrowed<'_>> {
        self.0.try_borrow_mut().ok()
    }
}

impl Kept {
    #[inline(always)]
    fn is_of(&self, Asked { function, words }: Asked) -> bool {
        // Word by word: all at once, they would be compared in memory.
        let [a, b, c] = self.words;
        (a ^ words[0]) | (b ^ words[1]) | (c ^ words[2]) == 0 && self.function == Some(function)
    }

    /// Whether it is found by a key with this hash: by that key, as far as is known without a look at it.
    #[inline(always)]
    fn is_hashed(&self, hash: u64) -> bool {
        self.words[0] == hash && self.function.is_none()
    }

    #[inline(always)]
    fn stored(&self) -> Option<&Stored> {
        self.found.downcast_ref()
    }
}

#[inline(always)]
fn stripe_of(hash: u64) -> u16 {
    (hash % STRIPES as u64) as u16
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
