//! What may be evicted, and who is told of it.

use quick_cache::Lifecycle;

use super::Slot;
use crate::clock::Clock;

/// Who is told of each value that is no longer under its key.
pub(crate) trait Witness<V>: Clone {
    /// It is going, and nobody can know of it yet: this is under the lock of its key, and so is short.
    fn gone(&self, key: &[u8]);

    /// It has gone, and the lock is free: time to drop what is kept of it.
    fn forget(&self, value: &V);

    /// Another value has come, of so many 65,536ths of the table.
    fn filled(&self, share: u64);
}

impl<V> Witness<V> for () {
    fn gone(&self, _key: &[u8]) {}

    fn forget(&self, _value: &V) {}

    fn filled(&self, _share: u64) {}
}

/// Keeps guards from being evicted (unlike a lease, a guard that is lost lets old values in), and tells of
/// what is.
#[derive(Clone)]
pub(super) struct TableLifecycle<W> {
    pub(super) clock: Clock,
    pub(super) witness: W,
}

/// What was evicted; dropped where no lock is held, as a value may do anything when it is.
pub(super) struct Evicted<V, W: Witness<V>>(Vec<(W, Slot<V>)>);

impl<V, W: Witness<V>> Lifecycle<Vec<u8>, Slot<V>> for TableLifecycle<W> {
    type RequestState = Evicted<V, W>;

    /// A guard whose time is over is a crashed writer's, and stands in nobody's way.
    fn is_pinned(&self, _key: &Vec<u8>, slot: &Slot<V>) -> bool {
        matches!(slot, Slot::Guarded(_)) && slot.until() > self.clock.now()
    }

    fn on_evict(&self, state: &mut Self::RequestState, key: Vec<u8>, slot: Slot<V>) {
        if let Slot::Filled(_) = slot {
            self.witness.gone(&key);
            state.0.push((self.witness.clone(), slot));
        }
    }
}

impl<V, W: Witness<V>> Default for Evicted<V, W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V, W: Witness<V>> Drop for Evicted<V, W> {
    fn drop(&mut self) {
        for (witness, slot) in &self.0 {
            if let Slot::Filled(held) = slot {
                witness.forget(&held.value);
            }
        }
    }
}
