//! An answer of Redis that is held on its way, while what it says changes.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::store::redis::{RedisConfig, RedisStore};
use cachemacro::store::{
    Ask, Capabilities, Fill, Found, Lease, Page, Put, PutVerdict, Scan, Store, StoreFuture, Token, Verdict,
    Watch, Watching,
};
use cachemacro::{Cache, Result, TierName};
use tokio::sync::Semaphore;

use super::{coherent, connect, kept, number, tier, write};
use crate::support::{RedisServer, Source, eventually};

/// Redis, whose answers to lookups are handed on one for each permit.
struct Held {
    store: RedisStore,
    answers: Semaphore,
    /// One permit for each lookup that Redis has answered.
    answered: Semaphore,
}

impl Held {
    async fn connect(server: &RedisServer) -> (Cache, Arc<Self>) {
        let store = RedisStore::connect(RedisConfig::new(server.url())).await.expect("the server runs");
        let held = Arc::new(Self {
            store,
            answers: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            answered: Semaphore::new(0),
        });
        let store = Arc::clone(&held) as Arc<dyn Store>;
        let cache = Cache::builder().store(store).near(1 << 20).build().await.unwrap();
        coherent(&cache).await;
        (cache, held)
    }

    /// From now on, answers wait.
    fn hold(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
        self.answered.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn let_go(&self) {
        self.answers.add_permits(Semaphore::MAX_PERMITS / 2);
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

/// A read whose answer is on its way, with the value that `elsewhere` has stored.
async fn on_its_way(
    held: &Held,
    here: &Cache,
    elsewhere: &Cache,
    source: &Arc<Source>,
) -> tokio::task::JoinHandle<u64> {
    elsewhere.scope(number(source, 7)).await;
    held.hold();
    let (here, source) = (here.clone(), Arc::clone(source));
    let reading = tokio::spawn(async move { *here.scope(number(&source, 7)).await });
    held.answered.acquire().await.expect("it is not closed").forget();
    reading
}

#[tokio::test]
async fn what_changes_while_an_answer_is_on_its_way_is_not_kept() {
    let server = RedisServer::start();
    let (here, held) = Held::connect(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    // A key that is told of after the one that matters: what is told is told in order.
    kept_there(&here, &source, 8).await;
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    elsewhere.scope(write(&source, 7, 2)).await.unwrap();
    elsewhere.scope(write(&source, 8, 2)).await.unwrap();
    eventually("both are told", async || here.status().near.unwrap().entries == 0).await;
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1, "it began before the change");
    assert_eq!(here.status().near.unwrap().entries, 0, "what was on its way was kept");
    assert_eq!(*here.scope(number(&source, 7)).await, 2);
    assert_eq!(kept(&here, &source).await, 2);
}

#[tokio::test]
async fn an_invalidation_here_refuses_what_is_on_its_way() {
    let server = RedisServer::start();
    let (here, held) = Held::connect(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    here.scope(write(&source, 7, 2)).await.unwrap();
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1, "it began before the change");
    assert_eq!(*here.scope(number(&source, 7)).await, 2);
}

#[tokio::test]
async fn a_connection_that_was_lost_meanwhile_refuses_what_is_on_its_way() {
    let server = RedisServer::start();
    let (here, held) = Held::connect(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    let epoch = here.status().near.unwrap().epoch;
    server.cli(&["FLUSHALL"]);
    eventually("it is told", async || here.status().near.unwrap().epoch > epoch).await;
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1);
    assert_eq!(here.status().near.unwrap().entries, 0, "what was on its way was kept");
    assert_eq!(tier(&here).await, None);
}

async fn kept_there(cache: &Cache, source: &Source, id: u64) {
    eventually("it is kept", async || {
        cache.scope(number(source, id)).await;
        let peek = cache.scope(number::peek(id)).await.unwrap();
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    })
    .await;
}
