//! The map of what is kept in front of a store, and what its entries count for.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use crate::clock::Moment;
use crate::store::Token;
use crate::store::memory::table::shards;
use crate::tier::hot::{Hot, Stored};

/// What an entry costs beside its key, here twice, and its value: what it does in the tier in this process.
const OVERHEAD_BYTES: u64 = 320;

/// The average weight that the number of shards is planned for.
const EXPECTED_ENTRY_BYTES: u64 = 1024;

/// Values under their keys.
pub(super) type Entries = Cache<Box<[u8]>, Kept, KeptWeigher, DefaultHashBuilder, KeptLifecycle>;

/// A value, and when and for whom it may be served.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) stored: Arc<Stored>,
    pub(super) epoch: u64,
    pub(super) fill_id: Token,
    /// How long it is served from its fill on, and until when.
    pub(super) serves: Duration,
    pub(super) until: Moment,
    pub(super) bytes: u64,
}

/// Room for so many bytes.
pub(super) fn entries(bytes_max: u64, hot: &Arc<Hot>) -> Entries {
    let expected = usize::try_from(bytes_max / EXPECTED_ENTRY_BYTES).unwrap_or(usize::MAX).max(1);
    let options = OptionsBuilder::new()
        .weight_capacity(bytes_max.max(1))
        .estimated_items_capacity(expected)
        .shards(shards(bytes_max))
        .build()
        .expect("the two settings that have no default are set");
    let lifecycle = KeptLifecycle(Arc::clone(hot));
    Cache::with_options(options, KeptWeigher, DefaultHashBuilder::default(), lifecycle)
}

/// Weighs an entry in bytes.
#[derive(Clone)]
pub(super) struct KeptWeigher;

impl Weighter<Box<[u8]>, Kept> for KeptWeigher {
    fn weight(&self, key: &Box<[u8]>, kept: &Kept) -> u64 {
        weight_of(key, kept)
    }
}

pub(super) fn weight_of(key: &[u8], kept: &Kept) -> u64 {
    2 * key.len() as u64 + kept.bytes + OVERHEAD_BYTES
}

/// Tells the slots in front of the map of what is evicted.
#[derive(Clone)]
pub(super) struct KeptLifecycle(Arc<Hot>);

/// What was evicted; dropped where no lock is held, as a value may do anything when it is.
#[derive(Default)]
pub(super) struct Evicted(Vec<(Arc<Hot>, Kept)>);

impl Lifecycle<Box<[u8]>, Kept> for KeptLifecycle {
    type RequestState = Evicted;

    fn on_evict(&self, state: &mut Self::RequestState, key: Box<[u8]>, kept: Kept) {
        self.0.gone(&key);
        state.0.push((Arc::clone(&self.0), kept));
    }
}

impl Drop for Evicted {
    fn drop(&mut self) {
        for (hot, kept) in &self.0 {
            hot.forget(&kept.stored);
        }
    }
}
