//! What a slot counts for.

use quick_cache::Weighter;

use super::{SLOT_OVERHEAD_BYTES, Slot};
use crate::clock::Moment;
use crate::protocol::slot::Guard;

/// What a guarded slot needs beside that, and what each of its guards does.
const GUARDED_BYTES: u64 = 128;
const GUARD_BYTES: u64 = size_of::<Guard<Moment>>() as u64;

/// Weighs a slot in bytes, and never less than the floor.
#[derive(Clone)]
pub(super) struct SlotWeigher {
    pub(super) floor: u64,
}

impl<V> Weighter<Vec<u8>, Slot<V>> for SlotWeigher {
    fn weight(&self, key: &Vec<u8>, slot: &Slot<V>) -> u64 {
        let value_bytes = match slot {
            Slot::Leased { .. } => 0,
            Slot::Filled(held) => held.bytes,
            Slot::Guarded(guarded) => {
                let carried = guarded.carried.as_ref().map_or(0, |held| held.bytes);
                GUARDED_BYTES + guarded.guards.len() as u64 * GUARD_BYTES + carried
            }
        };
        (key.len() as u64 + value_bytes + SLOT_OVERHEAD_BYTES).max(self.floor)
    }
}
