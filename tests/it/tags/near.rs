//! Values under tags that are kept in this process in front of a Redis: each as long as its tags are as they were.

use std::time::Duration;

use cachemacro::{Cache, TierName};

use super::over_value::{read as read_by_value, task};
use super::{change, read, tasks};
use crate::support::{RedisServer, Source, eventually};

/// Connects, and waits until Redis tells of changes.
async fn connect(server: &RedisServer) -> Cache {
    let cache = Cache::builder().url(server.url()).budget(Duration::from_millis(100)).build().await;
    let cache = cache.expect("the server runs");
    eventually("changes are told", async || cache.status().near.unwrap().coherent_for.is_some()).await;
    cache
}

async fn is_near(cache: &Cache) -> bool {
    let peek = cache.scope(tasks::peek("red", 0_u32)).await.expect("Redis answers");
    peek.is_some_and(|peek| peek.tier == TierName::Near)
}

/// Reads until the value is kept: what changed just before may still refuse it.
async fn kept(cache: &Cache, source: &Source) -> u64 {
    eventually("it is kept", async || {
        read(cache, source, "red", 0).await;
        is_near(cache).await
    })
    .await;
    read(cache, source, "red", 0).await
}

fn lookups(server: &RedisServer) -> u64 {
    super::commands::calls(server, "set")
}

#[tokio::test]
async fn a_hit_asks_nothing_of_redis() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    assert_eq!(kept(&cache, &source).await, 1);
    let before = lookups(&server);
    for _ in 0..100 {
        assert_eq!(read(&cache, &source, "red", 0).await, 1);
    }
    // Signs of life are writes as well, and few.
    assert!(lookups(&server) - before < 20);
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn nor_does_one_under_a_tag_that_the_value_names() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    source.write(701);
    eventually("it is kept", async || {
        read_by_value(&cache, &source, 1).await;
        let peek = cache.scope(task::peek("p", 1_u64)).await.expect("Redis answers");
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    })
    .await;
    let before = lookups(&server);
    for _ in 0..100 {
        assert_eq!(read_by_value(&cache, &source, 1).await.title, 1);
    }
    assert!(lookups(&server) - before < 20);
    source.write(702);
    cache.invalidate_tag("tags_owner:7").await.expect("it is taken");
    assert_eq!(read_by_value(&cache, &source, 1).await.title, 2);
}

#[tokio::test]
async fn the_process_that_invalidates_a_tag_reads_nothing_older_from_then_on() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    for value in 2..12 {
        kept(&cache, &source).await;
        cache.scope(change(&source, "red", value)).await;
        assert_eq!(read(&cache, &source, "red", 0).await, value);
    }
}

#[tokio::test]
async fn what_another_process_invalidates_is_told_and_what_is_under_other_tags_stays() {
    let server = RedisServer::start();
    let (here, there) = (connect(&server).await, connect(&server).await);
    let (red, blue) = (Source::open(), Source::open());
    kept(&here, &red).await;
    eventually("it is kept", async || {
        read(&here, &blue, "blue", 0).await;
        let peek = here.scope(tasks::peek("blue", 0_u32)).await.expect("Redis answers");
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    })
    .await;
    there.scope(change(&red, "red", 2)).await;
    eventually("it is told", async || read(&here, &red, "red", 0).await == 2).await;
    let peek = here.scope(tasks::peek("blue", 0_u32)).await.expect("Redis answers");
    assert_eq!(peek.expect("it is there").tier, TierName::Near);
    assert_eq!(blue.loads(), 1);
}

#[tokio::test]
async fn a_tag_that_redis_loses_is_told_too() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    kept(&cache, &source).await;
    source.write(2);
    server.cli(&["DEL", "cachemacro:tag:tags"]);
    eventually("it is told", async || read(&cache, &source, "red", 0).await == 2).await;
}
