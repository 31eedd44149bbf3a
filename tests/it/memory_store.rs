//! The memory store passes the suite that every store passes.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::clock::Clock;
use cachemacro_runtime::error::Error;
use cachemacro_runtime::store::conformance::{self, Harness};
use cachemacro_runtime::store::memory::{MemoryLimits, MemoryStore};
use cachemacro_runtime::store::{
    Ask, Capabilities, Fill, Found, Lease, Page, Scan, Store, StoreFuture, Token, Verdict,
};

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

/// The same store, of which nothing is known but what every store has to say for itself.
struct Plain(MemoryStore);

impl Store for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.guards = false;
        capabilities
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        self.0.lookup(asks)
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict, Error>> {
        self.0.fill(fill)
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict, Error>> {
        self.0.renew(key, lease)
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict, Error>> {
        self.0.release(key, token)
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict, Error>> {
        self.0.discard(key, fill_id)
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64, Error>> {
        self.0.invalidate(keys)
    }

    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page, Error>> {
        self.0.scan(scan)
    }

    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool> {
        self.0.close(deadline)
    }
}

struct InPlain {
    clock: Clock,
    store: Arc<Plain>,
}

impl Harness for InPlain {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn elapse<'a>(&'a self, _key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.clock.advance(ttl) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_nothing_at_once_conforms() {
    let clock = Clock::manual();
    let store = Arc::new(Plain(MemoryStore::new(MemoryLimits::default(), clock.clone())));
    conformance::run(&InPlain { clock, store }).await;
}
