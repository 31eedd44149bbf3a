//! The protocol over a map in this process, for values of any type.
//!
//! [`MemoryStore`](super::MemoryStore) keeps bytes in one; the in-process tier keeps typed values in
//! another, and so needs no encoding. What each step does is decided by
//! [`protocol::slot`](crate::protocol::slot); here it is done, atomically for each key.

mod lifecycle;
mod listing;
mod sizes;
mod weigher;

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use quick_cache::sync::{Cache, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder};

use self::lifecycle::TableLifecycle;
use self::listing::Listing;
use self::sizes::expected_entries;
use self::weigher::SlotWeigher;
use super::MemoryLimits;
use crate::clock::{Clock, Moment};
use crate::protocol::slot::{self, Begun, Guard, Next};
use crate::store::{Lease, Pattern, Permit, PutVerdict, Token, Verdict};

pub(crate) use self::lifecycle::Witness;
pub(crate) use self::sizes::{shards, share_of};

/// What one slot costs beside its key and its value: the map's entry, the slot and the allocations
/// (measured with a counting allocator over a million entries, and rounded up).
const SLOT_OVERHEAD_BYTES: u64 = 128;

/// A bounded map from keys to leases, values and guards.
pub(crate) struct LeaseTable<V, W: Witness<V> = ()> {
    slots: Slots<V, W>,
    witness: W,
    /// As it was made: how much it holds, and the least that an entry counts for.
    bytes_max: u64,
    floor: u64,
    /// How many listings of all keys are under way. What is being stored is in no list for a moment, so
    /// that nothing is stored meanwhile.
    listings: RwLock<u32>,
    clock: Clock,
}

type Slots<V, W> = Cache<Vec<u8>, Slot<V>, SlotWeigher, DefaultHashBuilder, TableLifecycle<W>>;

type Slot<V> = slot::Slot<V, Moment>;

/// A value and what is known of its fill.
pub(crate) type Held<V> = slot::Held<V, Moment>;

/// What a lookup found.
pub(crate) type Sighting<V> = slot::Sighting<V, Moment>;

/// A value on its way in.
pub(crate) struct TableFill<V> {
    pub(crate) permit: Permit,
    pub(crate) fill_id: Token,
    pub(crate) value: V,
    pub(crate) bytes: usize,
    /// How long it is kept.
    pub(crate) ttl: Duration,
    /// How long it serves those who know of nothing past a ttl.
    pub(crate) serves: Duration,
}

/// The value of a put on its way in.
pub(crate) struct TablePut<V> {
    /// The writer's guard.
    pub(crate) guard: Token,
    pub(crate) fill_id: Token,
    pub(crate) value: V,
    pub(crate) bytes: usize,
    pub(crate) ttl: Duration,
    pub(crate) serves: Duration,
}

impl<V: Clone> LeaseTable<V> {
    pub(crate) fn new(limits: MemoryLimits, clock: Clock) -> Self {
        Self::with_witness(limits, clock, ())
    }
}

impl<V: Clone, W: Witness<V>> LeaseTable<V, W> {
    pub(crate) fn with_witness(limits: MemoryLimits, clock: Clock, witness: W) -> Self {
        let bytes_max = limits.bytes_max.max(1);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes_max)
            .estimated_items_capacity(expected_entries(limits))
            .shards(shards(bytes_max))
            .build()
            .expect("the two settings that have no default are set");
        // A floor on each entry's weight makes a bound in bytes a bound in entries too.
        let weigher = SlotWeigher { floor: bytes_max.div_ceil(limits.entries_max.max(1)) };
        let lifecycle = TableLifecycle { clock: clock.clone(), witness: witness.clone() };
        let floor = weigher.floor;
        let slots = Cache::with_options(options, weigher, DefaultHashBuilder::default(), lifecycle);
        Self { slots, witness, bytes_max, floor, listings: RwLock::new(0), clock }
    }

    /// Sets how many bytes it may take; what is used least goes until it does.
    pub(crate) fn resize(&self, bytes_max: u64) {
        self.slots.set_capacity(bytes_max.max(1));
    }

    /// The largest weight that one entry may have: more would be evicted as it is stored.
    fn entry_weight_max(&self) -> u64 {
        // quick_cache admits what fits into the hot part (97 %) of one shard.
        self.slots.shard_capacity() / 100 * 96
    }

    /// The value under `key`, if it is there and not past its ttl. Takes no lease.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Held<V>> {
        match self.slots.get(key)? {
            Slot::Filled(held) if held.serves_until > self.clock.now() => Some(held),
            _ => None,
        }
    }

    /// The value under `key`, if it is there, past its ttl or not. Takes no lease.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Held<V>> {
        match self.slots.get(key)? {
            Slot::Filled(held) if held.until > self.clock.now() => Some(held),
            _ => None,
        }
    }

    /// Sets the time left of a value that still stands.
    pub(crate) fn touch(&self, key: &[u8], fill_id: Token, serves: Duration, left: Duration) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::touch(slot, fill_id, (now + serves.min(left), now + left), now))
    }

    /// The value under `key`, or the lease on it.
    pub(crate) fn lookup(&self, key: &[u8], lease: Option<Lease>) -> Sighting<V> {
        let now = self.clock.now();
        match lease {
            Some(lease) => self.step(key, |slot| slot::look_up(slot, Some(guard_of(lease, now)), now)),
            // It changes nothing, so it needs no more than a reader's lock.
            None => slot::look_up(self.slots.get(key).as_ref(), None, now).1,
        }
    }

    /// Whether a value of this many bytes can be stored under `key` at all.
    pub(crate) fn fits(&self, key: &[u8], bytes: usize) -> bool {
        key.len() as u64 + bytes as u64 + SLOT_OVERHEAD_BYTES <= self.entry_weight_max()
    }

    /// Stores a value if its permit still stands.
    pub(crate) fn fill(&self, key: &[u8], fill: TableFill<V>) -> Verdict {
        let TableFill { permit, fill_id, value, bytes, ttl, serves } = fill;
        let now = self.clock.now();
        let (serves_until, until) = (now + serves.min(ttl), now + ttl);
        let held = Held { value, fill_id, ttl, filled: now, serves_until, until, bytes: bytes as u64 };
        let listings = self.listings.read().unwrap_or_else(PoisonError::into_inner);
        if *listings > 0 {
            return self.refuse(key);
        }
        let verdict = self.step(key, |slot| slot::fill(slot, permit, || held.clone(), now));
        if verdict == Verdict::Accepted {
            self.witness.filled(self.share(key, bytes));
        }
        verdict
    }

    /// How much of the table an entry takes, in 65,536ths.
    fn share(&self, key: &[u8], bytes: usize) -> u64 {
        let bytes = key.len() as u64 + bytes as u64 + SLOT_OVERHEAD_BYTES;
        share_of(bytes.max(self.floor), self.bytes_max)
    }

    /// Sets the time left of a lease that is still held.
    pub(crate) fn renew(&self, key: &[u8], lease: Lease) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::renew(slot, guard_of(lease, now), now))
    }

    /// Gives a lease up, if it is still held.
    pub(crate) fn release(&self, key: &[u8], token: Token) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::release(slot, token, now))
    }

    /// Removes a value, if it is still the one of this fill.
    pub(crate) fn discard(&self, key: &[u8], fill_id: Token) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::discard(slot, fill_id, now))
    }

    /// Removes a value or takes a lease away; says whether there was one. Guards stay.
    pub(crate) fn invalidate(&self, key: &[u8]) -> bool {
        let now = self.clock.now();
        self.step(key, |slot| slot::invalidate(slot, now))
    }

    /// Adds a guard.
    pub(crate) fn begin(&self, key: &[u8], guard: Lease) -> Begun {
        let now = self.clock.now();
        self.step(key, |slot| slot::begin(slot, guard_of(guard, now), now))
    }

    /// Sets the time left of a guard that still stands.
    pub(crate) fn renew_guard(&self, key: &[u8], guard: Lease) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::renew_guard(slot, guard_of(guard, now), now))
    }

    /// Ends a guard, or invalidates where it is gone.
    pub(crate) fn end(&self, key: &[u8], token: Token) -> Verdict {
        let now = self.clock.now();
        self.step(key, |slot| slot::end(slot, token, now))
    }

    /// Ends a guard, and stores a value if nothing came between.
    pub(crate) fn put(&self, key: &[u8], put: TablePut<V>) -> PutVerdict {
        let TablePut { guard, fill_id, value, bytes, ttl, serves } = put;
        let now = self.clock.now();
        let (serves_until, until) = (now + serves.min(ttl), now + ttl);
        let held = Held { value, fill_id, ttl, filled: now, serves_until, until, bytes: bytes as u64 };
        let listings = self.listings.read().unwrap_or_else(PoisonError::into_inner);
        if *listings > 0 {
            let _ = self.end(key, guard);
            return PutVerdict::NotWritten;
        }
        let verdict = self.step(key, |slot| slot::put(slot, guard, || held.clone(), now));
        if verdict == PutVerdict::Written {
            self.witness.filled(self.share(key, bytes));
        }
        verdict
    }

    /// Takes the lease away that a fill would have needed.
    fn refuse(&self, key: &[u8]) -> Verdict {
        self.invalidate(key);
        Verdict::Refused
    }

    /// The keys that match, of all that has time left: each one that is there from the beginning to the end.
    pub(crate) fn keys(&self, pattern: &Pattern) -> Vec<Vec<u8>> {
        let _listing = Listing::begin(&self.listings);
        let now = self.clock.now();
        self.slots
            .iter()
            .filter(|(key, slot)| slot.until() > now && pattern.matches(key))
            .map(|(key, _)| key)
            .collect()
    }

    /// How many entries there are, leases and what has expired but not yet gone included.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The bytes that the entries count for.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.weight()
    }

    /// Decides on what is under the key, and puts what comes next in its place.
    ///
    /// The place stays ours in between: whoever else wants it waits, for no longer than an insertion.
    fn step<A>(&self, key: &[u8], decide: impl Fn(Option<&Slot<V>>) -> (Next<V, Moment>, A)) -> A {
        let mut decided = None;
        let (mut is_gone, mut replaced) = (false, None);
        let result = self.slots.entry(key, None, |_, slot| {
            let (next, answer) = decide(Some(slot));
            is_gone = matches!(slot, Slot::Filled(_)) && !matches!(next, Next::Stay);
            if is_gone {
                self.witness.gone(key);
            }
            let (action, value) = match next {
                Next::Stay => (EntryAction::Retain(()), None),
                Next::Vanish => (EntryAction::Remove, None),
                // A slot that grows in its place evicts nothing, so a value is inserted anew.
                Next::Become(value @ Slot::Filled(_)) => (EntryAction::ReplaceWithGuard, Some(value)),
                Next::Become(small) => {
                    // Dropped once the lock is free: it may be anything.
                    replaced = Some(std::mem::replace(slot, small));
                    (EntryAction::Retain(()), None)
                }
            };
            decided = Some((answer, value));
            action
        });
        if is_gone {
            let taken = match &result {
                EntryResult::Removed(_, taken) | EntryResult::Replaced(_, taken) => Some(taken),
                _ => replaced.as_ref(),
            };
            if let Some(Slot::Filled(held)) = taken {
                self.witness.forget(&held.value);
            }
        }
        drop(replaced);
        let (place, next, answer) = match (result, decided) {
            (EntryResult::Replaced(place, _), Some((answer, next))) => (place, next, answer),
            (_, Some((answer, _))) => return answer,
            (EntryResult::Vacant(place), None) => match decide(None) {
                (Next::Become(slot), answer) => (place, Some(slot), answer),
                // Dropping a vacant place leaves the key absent.
                (Next::Stay | Next::Vanish, answer) => return answer,
            },
            _ => {
                unreachable!("what is not vacant is decided on, and places are waited for without a timeout")
            }
        };
        if let Some(slot) = next {
            let inserted = place.insert(slot).is_ok();
            debug_assert!(inserted, "a place is only taken away by `remove`, which nobody calls");
        }
        answer
    }
}

fn guard_of(lease: Lease, now: Moment) -> Guard<Moment> {
    Guard { token: lease.token, until: now + lease.ttl }
}

impl<V, W: Witness<V>> std::fmt::Debug for LeaseTable<V, W> {
    /// Values are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaseTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
