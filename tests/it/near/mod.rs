//! What is kept in this process in front of a Redis of the test's own. Two caches are two processes, as far
//! as Redis can tell.

mod held;
mod links;

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, CacheBuilder, Clock, TierName, cache_put, cache_result, invalidates};

use crate::support::{RedisServer, Source, eventually};

const BUDGET: Duration = Duration::from_millis(100);

#[cache_result(ttl = "1h", key = "near:number:<id>", skip(source))]
async fn number(source: &Source, id: u64) -> Arc<u64> {
    let _ = id;
    Arc::new(source.load().await)
}

#[cache_result(ttl = "1h", key = "near:number:<id>", shares = number, consistency = strict, skip(source))]
async fn strictly(source: &Source, id: u64) -> Arc<u64> {
    let _ = id;
    Arc::new(source.load().await)
}

#[invalidates(number(id))]
async fn write(source: &Source, id: u64, value: u64) -> Result<(), std::io::Error> {
    source.write(value);
    Ok(())
}

#[cache_put(number(id), ttl = "1h")]
async fn put(source: &Source, id: u64, value: u64) -> Result<Arc<u64>, std::io::Error> {
    let _ = id;
    source.write(value);
    Ok(Arc::new(value))
}

fn builder(server: &RedisServer) -> CacheBuilder {
    Cache::builder().url(server.url()).budget(BUDGET)
}

/// Connects, and waits until Redis tells of changes.
async fn connect(server: &RedisServer) -> Cache {
    let cache = builder(server).build().await.expect("the server runs");
    coherent(&cache).await;
    cache
}

async fn coherent(cache: &Cache) {
    eventually("changes are told", async || cache.status().near.unwrap().coherent_for.is_some()).await;
}

async fn read(cache: &Cache, source: &Source) -> u64 {
    *cache.scope(number(source, 7)).await
}

async fn tier(cache: &Cache) -> Option<TierName> {
    cache.scope(number::peek(7)).await.expect("Redis answers").map(|peek| peek.tier)
}

/// Reads until the value is kept: what changed just before may still refuse it.
async fn kept(cache: &Cache, source: &Source) -> u64 {
    eventually("it is kept", async || {
        read(cache, source).await;
        // After an outage, Redis may be left alone for a moment.
        let peek = cache.scope(number::peek(7)).await.ok().flatten();
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    })
    .await;
    read(cache, source).await
}

#[tokio::test]
async fn a_hit_asks_nothing_of_redis() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    assert_eq!(kept(&cache, &source).await, 1);
    let lookups = || {
        let stats = server.cli(&["INFO", "commandstats"]);
        let line = stats.lines().find(|line| line.starts_with("cmdstat_set:")).map(str::to_owned);
        line.expect("there were some")
    };
    let before = lookups();
    for _ in 0..100 {
        assert_eq!(read(&cache, &source).await, 1);
    }
    assert_eq!(lookups(), before);
    assert_eq!(source.loads(), 1);
    let near = cache.status().near.unwrap();
    assert!(near.entries == 1 && near.bytes > 0, "{near}");
}

#[tokio::test]
async fn a_cache_that_connects_keeps_values_near_unless_it_is_told_otherwise() {
    let server = RedisServer::start();
    for cache in [Cache::connect(&server.url()).await, Cache::connect_lazy(&server.url()).await] {
        let cache = cache.expect("the server runs");
        coherent(&cache).await;
        kept(&cache, &Source::open()).await;
        assert_eq!(cache.status().near_off, None);
    }
}

#[tokio::test]
async fn what_a_body_returns_is_not_kept_until_it_is_found() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    assert_eq!(read(&cache, &Source::open()).await, 1);
    assert_eq!(tier(&cache).await, Some(TierName::Shared));
}

#[tokio::test]
async fn the_process_that_invalidates_reads_nothing_older_from_then_on() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    for value in 2..40 {
        kept(&cache, &source).await;
        match value % 2 {
            0 => cache.scope(write(&source, 7, value)).await.unwrap(),
            _ => drop(cache.scope(put(&source, 7, value)).await.unwrap()),
        }
        assert_eq!(read(&cache, &source).await, value);
    }
}

#[tokio::test]
async fn an_invalidation_elsewhere_is_told() {
    let server = RedisServer::start();
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let source = Source::open();
    for value in 2..6 {
        kept(&here, &source).await;
        elsewhere.scope(write(&source, 7, value)).await.unwrap();
        eventually("it is seen", async || read(&here, &source).await == value).await;
    }
}

#[tokio::test]
async fn a_strict_function_asks_redis_each_time() {
    let server = RedisServer::start();
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let source = Source::open();
    for value in 2..40 {
        kept(&here, &source).await;
        assert_eq!(here.scope(strictly::peek(7)).await.unwrap().unwrap().tier, TierName::Shared);
        elsewhere.scope(write(&source, 7, value)).await.unwrap();
        assert_eq!(*here.scope(strictly(&source, 7)).await, value);
    }
}

#[tokio::test]
async fn what_redis_loses_is_not_kept() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    for loss in [&["PEXPIRE", "near:number:7", "1"][..], &["UNLINK", "near:number:7"], &["FLUSHALL"]] {
        kept(&cache, &source).await;
        let (epoch, loads) = (cache.status().near.unwrap().epoch, source.loads());
        server.cli(loss);
        eventually("it is gone", async || tier(&cache).await != Some(TierName::Near)).await;
        eventually("the body runs", async || {
            read(&cache, &source).await;
            source.loads() > loads
        })
        .await;
        assert_eq!(cache.status().near.unwrap().epoch > epoch, loss == ["FLUSHALL"]);
    }
}

#[tokio::test]
async fn a_value_is_over_when_its_time_is() {
    #[cache_result(ttl = "10s", jitter = "0%", key = "near:brief:<id>")]
    async fn brief(id: u64) -> u64 {
        id
    }
    let server = RedisServer::start();
    let clock = Clock::manual();
    let cache = builder(&server).clock(clock.clone()).build().await.unwrap();
    coherent(&cache).await;
    let is_near = async || {
        let peek = cache.scope(brief::peek(1)).await.unwrap();
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    };
    eventually("it is kept", async || {
        cache.scope(brief(1)).await;
        is_near().await
    })
    .await;
    clock.advance(Duration::from_secs(9));
    coherent(&cache).await;
    // By the clock of this process its time is almost over; by that of Redis it has hardly begun.
    assert!(is_near().await);
    // A second more than there was left: the time that Redis told is of the last sign of life before the fill.
    clock.advance(Duration::from_secs(2));
    coherent(&cache).await;
    assert!(!is_near().await);
}
