//! The memory store passes the suite that every store passes.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::clock::Clock;
use cachemacro_runtime::store::conformance::{self, Harness};
use cachemacro_runtime::store::memory::{MemoryLimits, MemoryStore};
use cachemacro_runtime::store::{Store, StoreFuture};

struct InMemory {
    clock: Clock,
    store: Arc<MemoryStore>,
}

impl Harness for InMemory {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn elapse<'a>(&'a self, _key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.clock.advance(ttl) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms() {
    conforms(MemoryLimits::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_too_small_for_some_values_conforms() {
    conforms(MemoryLimits { bytes_max: 16 << 20, ..MemoryLimits::default() }).await;
}

async fn conforms(limits: MemoryLimits) {
    let clock = Clock::manual();
    let store = Arc::new(MemoryStore::new(limits, clock.clone()));
    conformance::run(&InMemory { clock, store }).await;
}
