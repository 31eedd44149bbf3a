//! Namespaces: what keys begin with in a store that others use too, and all of them invalidated at once. Two caches are
//! two processes, as far as a store can tell.

mod all;
#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;

use cachemacro::store::Store;
use cachemacro::store::memory::{MemoryLimits, MemoryStore};
use cachemacro::{Cache, CacheBuilder, Clock, ErrorKind, cache_put, cache_result, invalidates};

use crate::support::Source;

#[cache_result(ttl = "1h", key = "ns:number:<id>", skip(source))]
async fn number(source: &Source, id: u64) -> u64 {
    let _ = id;
    source.load().await
}

#[cache_result(ttl = "1h", key = "ns:tagged:<id>", tags = ["ns tag"], skip(source))]
async fn tagged(source: &Source, id: u64) -> u64 {
    let _ = id;
    source.load().await
}

#[cache_result(ttl = "1h", key = "ns:here:<id>", tier = local, skip(source))]
async fn here(source: &Source, id: u64) -> u64 {
    let _ = id;
    source.load().await
}

#[cache_result(ttl = "1h", key = "ns:{user:<id>}:tasks", stale_if_error = "1h", skip(source))]
async fn pinned(source: &Source, id: u64) -> Result<u64, std::io::Error> {
    let _ = id;
    Ok(source.load().await)
}

#[cache_result(batch(ids), ttl = "1h", key = "ns:number:<ids>", shares = number, skip(source))]
async fn numbers(source: &Source, ids: &[u64]) -> Vec<Option<u64>> {
    let value = source.load().await;
    ids.iter().map(|_| Some(value)).collect()
}

#[invalidates(number(id))]
async fn write(source: &Source, id: u64, value: u64) {
    source.write(value);
}

#[cache_put(number(id), ttl = "1h")]
async fn put(source: &Source, id: u64, value: u64) -> Result<u64, std::io::Error> {
    let _ = id;
    source.write(value);
    Ok(value)
}

async fn read(cache: &Cache, source: &Source) -> u64 {
    cache.scope(number(source, 7)).await
}

/// A store that processes share, and the time in it.
struct Apart {
    store: Arc<MemoryStore>,
    clock: Clock,
}

impl Apart {
    fn new() -> Self {
        let clock = Clock::manual();
        Self { store: Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone())), clock }
    }

    fn builder(&self) -> CacheBuilder {
        Cache::builder().store(Arc::clone(&self.store) as Arc<dyn Store>)
    }

    async fn process(&self, namespace: &str) -> Cache {
        self.builder().namespace(namespace).build().await.expect("nothing to connect")
    }

    /// What is stored, as the store knows it.
    async fn keys(&self) -> Vec<String> {
        use cachemacro::store::{Pattern, Scan};
        let pattern = Pattern::new("*");
        let scan = Scan { pattern: &pattern, cursor: 0, page_len: 100 };
        let keys = self.store.scan(scan).await.expect("a page").keys;
        let mut keys: Vec<_> = keys.into_iter().map(|key| String::from_utf8(key).expect("text")).collect();
        keys.sort();
        keys
    }
}

#[tokio::test]
async fn two_namespaces_share_a_store_and_no_value() {
    let store = Apart::new();
    let (app, shop, plain) = (
        store.process("app").await,
        store.process("shop").await,
        store.builder().build().await.expect("a cache"),
    );
    let source = Source::open();
    for (cache, value) in [(&app, 1), (&shop, 2), (&plain, 3)] {
        source.write(value);
        assert_eq!(read(cache, &source).await, value);
    }
    source.write(4);
    assert_eq!(
        (read(&app, &source).await, read(&shop, &source).await, read(&plain, &source).await),
        (1, 2, 3)
    );
    app.scope(write(&source, 7, 5)).await;
    assert_eq!(
        (read(&app, &source).await, read(&shop, &source).await, read(&plain, &source).await),
        (5, 2, 3)
    );
    let again = store.process("shop").await;
    assert_eq!(read(&again, &source).await, 2, "another process of the namespace");
}

#[tokio::test]
async fn all_that_is_written_begins_with_the_namespace() {
    let store = Apart::new();
    let app = store.process("app").await;
    let source = Source::open();
    app.scope(async {
        number(&source, 7).await;
        tagged(&source, 7).await;
        pinned(&source, 7).await.expect("the source does not fail");
        numbers(&source, &[1, 2]).await;
        put(&source, 3, 3).await.expect("the source does not fail");
    })
    .await;
    let expected = [
        "app:cachemacro:era",
        "app:cachemacro:tag:ns%20tag",
        "app:ns:number:1",
        "app:ns:number:2",
        "app:ns:number:3",
        "app:ns:number:7",
        "app:ns:tagged:7",
        "app:ns:{user:7}:tasks",
    ];
    let keys = store.keys().await;
    assert!(expected.iter().all(|key| keys.iter().any(|stored| stored == key)), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("app:")), "{keys:?}");
}

#[tokio::test]
async fn a_pattern_and_a_tag_reach_no_other_namespace() {
    let store = Apart::new();
    let (app, shop) = (store.process("app").await, store.process("shop").await);
    let source = Source::open();
    let both = async |cache: &Cache| {
        cache.scope(async { (number(&source, 7).await, tagged(&source, 7).await) }).await
    };
    assert_eq!((both(&app).await, both(&shop).await), ((1, 1), (1, 1)));
    source.write(2);
    let swept = app.invalidate_pattern("ns:number:*").await.expect("it is done");
    assert_eq!((swept.keys, swept.removed), (1, 1));
    app.invalidate_tag("ns tag").await.expect("it is taken");
    assert_eq!((both(&app).await, both(&shop).await), ((2, 2), (1, 1)));
}

#[tokio::test]
async fn a_name_that_could_reach_elsewhere_is_refused() {
    for name in ["", "app:eu", "app*", "{app}", "a b", "cachemacro"] {
        let refused = Apart::new().builder().namespace(name).build().await.expect_err("no name");
        assert_eq!(refused.kind(), ErrorKind::Config, "{name:?}");
    }
}

#[tokio::test]
async fn a_guard_stands_in_its_namespace_and_takes_the_value_along() {
    let store = Apart::new();
    let (one, other) = (store.process("app").await, store.process("app").await);
    let source = Source::open();
    assert_eq!(read(&other, &source).await, 1);
    crate::guarding::die_in(one.scope(async {
        let _guard = number::guard(7_u64).await.expect("it is guarded");
        source.write(2);
        std::future::pending::<()>().await;
    }));
    assert_eq!(read(&other, &source).await, 1, "nobody was told otherwise yet");
    store.clock.advance(crate::guarding::LONG);
    assert_eq!(read(&other, &source).await, 2);
}
