//! The lease protocol over a map in this process, for values of any type.
//!
//! [`MemoryStore`](super::MemoryStore) keeps bytes in one; the in-process tier keeps typed values in
//! another, and so needs no encoding. Every step is atomic under the lock of the key's shard.

use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::MemoryLimits;
use crate::clock::{Clock, Moment};
use crate::store::{Lease, Pattern, Permit, Token, Verdict};

/// What one slot costs beside its key and its value: the map's entry, the slot and the allocations
/// (measured with a counting allocator over a million entries, and rounded up).
const SLOT_OVERHEAD_BYTES: u64 = 128;

/// The average weight that the number of shards and the memory of recent evictions are planned for.
const EXPECTED_ENTRY_BYTES: u64 = 1024;

/// A bounded map from keys to leases and values.
pub(crate) struct LeaseTable<V> {
    slots: Slots<V>,
    /// The largest weight that one entry may have: more would be evicted as it is stored.
    entry_weight_max: u64,
    clock: Clock,
}

type Slots<V> = Cache<Vec<u8>, Slot<V>, SlotWeigher, DefaultHashBuilder, DefaultLifecycle<Vec<u8>, Slot<V>>>;

/// A value and what is known of its fill.
#[derive(Clone, Debug)]
pub(crate) struct Held<V> {
    pub(crate) value: V,
    pub(crate) fill_id: Token,
    pub(crate) ttl: Duration,
    pub(crate) until: Moment,
    /// The bytes it counts for, beside its key and the overhead.
    bytes: u64,
}

/// What a lookup found.
#[derive(Debug)]
pub(crate) enum Sighting<V> {
    Hit(Held<V>),
    Lead,
    Busy,
    Absent,
}

/// A value on its way in.
pub(crate) struct TableFill<V> {
    pub(crate) permit: Permit,
    pub(crate) fill_id: Token,
    pub(crate) value: V,
    pub(crate) bytes: usize,
    pub(crate) ttl: Duration,
}

#[derive(Clone)]
enum Slot<V> {
    Leased { token: Token, until: Moment },
    Filled(Held<V>),
}

impl<V: Clone> LeaseTable<V> {
    pub(crate) fn new(limits: MemoryLimits, clock: Clock) -> Self {
        let bytes_max = limits.bytes_max.max(1);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes_max)
            .estimated_items_capacity(expected_entries(limits))
            .build()
            .expect("the two settings that have no default are set");
        // A floor on each entry's weight makes a bound in bytes a bound in entries too.
        let weigher = SlotWeigher { floor: bytes_max.div_ceil(limits.entries_max.max(1)) };
        let slots =
            Cache::with_options(options, weigher, DefaultHashBuilder::default(), DefaultLifecycle::default());
        // quick_cache admits what fits into the hot part (97 %) of one shard.
        let entry_weight_max = slots.shard_capacity() / 100 * 96;
        Self { slots, entry_weight_max, clock }
    }

    /// The value under `key`, if it is there and not expired. Takes no lease.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<Held<V>> {
        match self.slots.get(key)? {
            Slot::Filled(held) if held.until > self.clock.now() => Some(held),
            _ => None,
        }
    }

    /// The value under `key`, or the lease on it.
    pub(crate) fn lookup(&self, key: &[u8], lease: Option<Lease>) -> Sighting<V> {
        let Some(lease) = lease else {
            return self.get(key).map_or(Sighting::Absent, Sighting::Hit);
        };
        let now = self.clock.now();
        let ours = Slot::Leased { token: lease.token, until: now + lease.ttl };
        loop {
            let result = self.slots.entry(key, None, |_, slot| {
                EntryAction::Retain(match slot {
                    Slot::Filled(held) if held.until > now => Sighting::Hit(held.clone()),
                    Slot::Leased { until, .. } if *until > now => Sighting::Busy,
                    expired => {
                        *expired = ours.clone();
                        Sighting::Lead
                    }
                })
            });
            match result {
                EntryResult::Retained(sighting) => return sighting,
                EntryResult::Vacant(place) => {
                    // An invalidation that came between the two takes the place away: look again.
                    if place.insert(ours.clone()).is_ok() {
                        return Sighting::Lead;
                    }
                }
                EntryResult::Removed(..) | EntryResult::Replaced(..) | EntryResult::Timeout => {
                    unreachable!("the entry is only ever retained, and waited for without a timeout")
                }
            }
        }
    }

    /// Whether a value of this many bytes can be stored under `key` at all.
    pub(crate) fn fits(&self, key: &[u8], bytes: usize) -> bool {
        key.len() as u64 + bytes as u64 + SLOT_OVERHEAD_BYTES <= self.entry_weight_max
    }

    /// Stores a value if its permit still stands.
    pub(crate) fn fill(&self, key: &[u8], fill: TableFill<V>) -> Verdict {
        let now = self.clock.now();
        let held = Held {
            value: fill.value,
            fill_id: fill.fill_id,
            ttl: fill.ttl,
            until: now + fill.ttl,
            bytes: fill.bytes as u64,
        };
        // A slot that grows in its place evicts nothing, so the value is inserted anew. The place
        // stays ours in between, unless an invalidation takes it away.
        let result = self.slots.entry(key, None, |_, slot| match slot.permits(fill.permit, now) {
            true => EntryAction::ReplaceWithGuard,
            false => EntryAction::Retain(()),
        });
        match result {
            EntryResult::Replaced(place, _) => place.insert(Slot::Filled(held)).is_ok().into(),
            // Dropping a vacant place leaves the key absent.
            _ => Verdict::Refused,
        }
    }

    /// Sets the time left of a lease that is still held.
    pub(crate) fn renew(&self, key: &[u8], lease: Lease) -> Verdict {
        let now = self.clock.now();
        let result = self.slots.entry(key, None, |_, slot| {
            let stands = slot.permits(Permit::Lease(lease.token), now);
            if stands {
                *slot = Slot::Leased { token: lease.token, until: now + lease.ttl };
            }
            EntryAction::Retain(stands)
        });
        matches!(result, EntryResult::Retained(true)).into()
    }

    /// Gives a lease up, if it is still held.
    pub(crate) fn release(&self, key: &[u8], token: Token) -> Verdict {
        let now = self.clock.now();
        self.slots.remove_if(key, |slot| slot.permits(Permit::Lease(token), now)).is_some().into()
    }

    /// Removes a value or takes a lease away; says whether there was one.
    pub(crate) fn invalidate(&self, key: &[u8]) -> bool {
        let now = self.clock.now();
        self.slots.remove(key).is_some_and(|(_, slot)| slot.until() > now)
    }

    /// The keys that match, of values and leases that have time left.
    pub(crate) fn keys(&self, pattern: &Pattern) -> Vec<Vec<u8>> {
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
}

impl<V> Slot<V> {
    fn until(&self) -> Moment {
        match self {
            Self::Leased { until, .. } => *until,
            Self::Filled(held) => held.until,
        }
    }

    fn permits(&self, permit: Permit, now: Moment) -> bool {
        let named = match (self, permit) {
            (Self::Leased { token, .. }, Permit::Lease(permitted)) => *token == permitted,
            (Self::Filled(held), Permit::Replace(permitted)) => held.fill_id == permitted,
            _ => false,
        };
        named && self.until() > now
    }
}

/// Weighs a slot in bytes, and never less than the floor.
#[derive(Clone)]
struct SlotWeigher {
    floor: u64,
}

impl<V> Weighter<Vec<u8>, Slot<V>> for SlotWeigher {
    fn weight(&self, key: &Vec<u8>, slot: &Slot<V>) -> u64 {
        let value_bytes = match slot {
            Slot::Leased { .. } => 0,
            Slot::Filled(held) => held.bytes,
        };
        (key.len() as u64 + value_bytes + SLOT_OVERHEAD_BYTES).max(self.floor)
    }
}

fn expected_entries(limits: MemoryLimits) -> usize {
    let by_bytes = (limits.bytes_max / EXPECTED_ENTRY_BYTES).max(1);
    usize::try_from(by_bytes.min(limits.entries_max)).unwrap_or(usize::MAX)
}

impl<V> std::fmt::Debug for LeaseTable<V> {
    /// Values are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaseTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes_max: u64, entries_max: u64) -> LeaseTable<u32> {
        LeaseTable::new(MemoryLimits { bytes_max, entries_max }, Clock::manual())
    }

    fn store(table: &LeaseTable<u32>, key: &str, bytes: usize) -> Verdict {
        let token = Token::random();
        let lease = Lease { token, ttl: Duration::from_secs(3) };
        match table.lookup(key.as_bytes(), Some(lease)) {
            Sighting::Lead => table.fill(
                key.as_bytes(),
                TableFill {
                    permit: Permit::Lease(token),
                    fill_id: Token::random(),
                    value: 7,
                    bytes,
                    ttl: Duration::from_secs(60),
                },
            ),
            other => panic!("{key} is not absent: {other:?}"),
        }
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let table = table(1 << 20, 1 << 20);
        for n in 0..10_000 {
            let _ = store(&table, &format!("k:{n}"), 1000);
            assert!(table.bytes() <= 1 << 20, "{} bytes after {n} fills", table.bytes());
        }
        assert!(table.bytes() > 1 << 19, "it evicts more than it needs to: {} bytes left", table.bytes());
    }

    #[test]
    fn it_stays_within_its_entries() {
        let table = table(1 << 30, 1000);
        for n in 0..10_000 {
            let _ = store(&table, &format!("k:{n}"), 1);
        }
        assert!(table.len() <= 1000, "{} entries", table.len());
        assert!(table.len() > 500, "{} entries", table.len());
    }

    #[test]
    fn what_cannot_be_kept_is_told_apart_before_it_is_stored() {
        let table = table(1 << 20, 1 << 20);
        assert!(!table.fits(b"k", 1 << 20));
        let largest = usize::try_from(table.entry_weight_max - SLOT_OVERHEAD_BYTES).unwrap() - 1;
        assert!(table.fits(b"k", largest));
        assert_eq!(store(&table, "k", largest), Verdict::Accepted);
        assert!(table.get(b"k").is_some(), "the largest that fits is kept");
    }

    #[test]
    fn leases_and_values_end_when_their_time_is_over() {
        let table = table(1 << 20, 1 << 20);
        assert_eq!(store(&table, "k", 1), Verdict::Accepted);
        table.clock.advance(Duration::from_secs(60));
        assert!(table.get(b"k").is_none());
        assert!(table.keys(&Pattern::new("*")).is_empty());
        assert!(!table.invalidate(b"k"), "an expired value counts as none");
    }
}
