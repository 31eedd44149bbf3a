//! Namespaces on a Redis of the test's own: what is kept near, outages, and what a user of Redis may touch.

use std::time::Duration;

use cachemacro::TierName;

use super::*;
use crate::support::{RedisServer, eventually};

const BUDGET: Duration = Duration::from_millis(100);

fn builder(server: &RedisServer) -> CacheBuilder {
    Cache::builder().url(server.url()).budget(BUDGET).near(0).namespace("app")
}

async fn near(server: &RedisServer) -> Cache {
    let cache = builder(server).near(16 << 20).build().await.expect("the server runs");
    eventually("changes are told", async || cache.status().near.unwrap().coherent_for.is_some()).await;
    cache
}

async fn is_near(cache: &Cache) -> bool {
    let peek = cache.scope(number::peek(7_u64)).await.ok().flatten();
    peek.is_some_and(|peek| peek.tier == TierName::Near)
}

/// Reads until the value is kept: what changed just before may still refuse it.
async fn kept(cache: &Cache, source: &Source) {
    eventually("it is kept", async || {
        read(cache, source).await;
        is_near(cache).await
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_near_goes_with_the_rest() {
    let server = RedisServer::start();
    let (one, other) = (near(&server).await, near(&server).await);
    let source = Source::open();
    kept(&one, &source).await;
    kept(&other, &source).await;
    source.write(2);
    one.invalidate_all().await.expect("it is taken");
    assert_eq!(read(&one, &source).await, 2, "the process that invalidates reads nothing older");
    eventually("the other is told", async || read(&other, &source).await == 2).await;
}

#[tokio::test]
async fn keys_that_are_kept_near_are_told_of_one_by_one() {
    let server = RedisServer::start();
    let (one, other) = (near(&server).await, near(&server).await);
    let source = Source::open();
    kept(&one, &source).await;
    kept(&other, &source).await;
    let epoch = || other.status().near.unwrap().epoch;
    let before = epoch();
    one.scope(write(&source, 7, 2)).await;
    assert_eq!(read(&one, &source).await, 2);
    eventually("the other is told", async || read(&other, &source).await == 2).await;
    assert_eq!(epoch(), before, "nothing else was dropped");
}

#[tokio::test]
async fn a_store_that_is_down_is_told_later_and_not_read_from_until_then() {
    let mut server = RedisServer::start();
    let (one, other) = (builder(&server).build().await.unwrap(), builder(&server).build().await.unwrap());
    let source = Source::open();
    assert_eq!(read(&one, &source).await, 1);
    source.write(2);
    server.stop_signal();
    let untold = one.invalidate_all().await.expect_err("nobody answers");
    assert!(untold.is_temporary(), "{untold}");
    assert_eq!(read(&one, &source).await, 2, "what may be old is not served");
    assert_eq!(one.status().undelivered, 1);
    server.continue_signal();
    eventually("it is told", async || one.status().undelivered == 0).await;
    assert_eq!((read(&one, &source).await, read(&other, &source).await), (2, 2));
    // A server that has lost all names a new era.
    server.kill();
    server.restart();
    source.write(3);
    eventually("it is back", async || read(&one, &source).await == 3 && read(&other, &source).await == 3)
        .await;
}

#[tokio::test]
async fn a_user_of_redis_needs_no_key_beyond_the_namespace() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "app", "on", ">secret", "~app:*", "&cachemacro:*", "+@all"]);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let cache =
        Cache::builder().url(url).namespace("app").near(16 << 20).build().await.expect("it may connect");
    let source = Source::open();
    kept(&cache, &source).await;
    cache.scope(tagged(&source, 7)).await;
    cache.scope(write(&source, 7, 2)).await;
    assert_eq!(read(&cache, &source).await, 2);
    cache.invalidate_pattern("ns:*").await.expect("it may");
    cache.invalidate_all().await.expect("it may");
    cache.reclaim().await.expect("it may");
    assert_eq!(cache.status().undelivered, 0);
}
