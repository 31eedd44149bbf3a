//! Redis, with answers that are held on their way.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::Result;
use cachemacro::store::redis::{RedisConfig, RedisStore};
use cachemacro::store::{
    Ask, Capabilities, Fill, Found, Lease, Page, Put, PutVerdict, Scan, Store, StoreFuture, Token, Verdict,
    Watch, Watching,
};
use tokio::sync::Semaphore;

use super::RedisServer;

/// Redis, whose answers to lookups are handed on one for each permit.
pub(crate) struct Held {
    store: RedisStore,
    answers: Semaphore,
    /// One permit for each lookup that Redis has answered.
    answered: Semaphore,
}

impl Held {
    pub(crate) async fn connect(server: &RedisServer) -> Arc<Self> {
        let store = RedisStore::connect(RedisConfig::new(server.url())).await.expect("the server runs");
        Arc::new(Self {
            store,
            answers: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            answered: Semaphore::new(0),
        })
    }

    /// From now on, answers wait.
    pub(crate) fn hold(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
        self.answered.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn let_go(&self) {
        self.answers.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Waits until Redis has answered so many lookups more.
    pub(crate) async fn answered(&self, lookups: u32) {
        self.answered.acquire_many(lookups).await.expect("it is not closed").forget();
    }
}

impl Store for Held {
    fn name(&self) -> &'static str {
        self.store.name()
    }
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move {
            let found = self.store.lookup(asks).await;
            self.answered.add_permits(1);
            self.answers.acquire().await.expect("it is not closed").forget();
            found
        })
    }
    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        self.store.fill(fill)
    }
    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        self.store.renew(key, lease)
    }
    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        self.store.release(key, token)
    }
    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        self.store.invalidate(keys)
    }
    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        self.store.scan(scan)
    }
    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        self.store.begin_guards(keys, guard)
    }
    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        self.store.renew_guards(keys, guard)
    }
    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        self.store.end_guards(keys, token)
    }
    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        self.store.put(put)
    }
    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        self.store.watch(watch)
    }
    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool> {
        self.store.close(deadline)
    }
}
