//! Whether a value is kept, and for how long: `when`, `unless`, `ttl = |value| …`, `negative_ttl`, `version`.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, Clock, cache_result};
use tokio::task::JoinSet;

use crate::support::{Source, eventually};

#[derive(Clone, Debug, PartialEq)]
struct Broken;

#[cache_result(ttl = "1h", key = "when:<page>", when = page < limit.get(), skip(source, limit))]
async fn first_pages(source: &Source, limit: std::num::NonZeroU64, page: u64) -> u64 {
    source.load().await + page
}

#[cache_result(ttl = "1h", key = "unless:<id>", skip(source), unless = |items| items.is_empty())]
async fn filled(source: &Source, id: u64) -> Result<Vec<u64>, Broken> {
    let value = source.load().await;
    Ok((0..value).chain((id > 9).then_some(id)).collect())
}

fn is_odd(value: &u64) -> bool {
    value % 2 == 1
}

#[cache_result(ttl = "1h", skip(source), unless = is_odd)]
async fn even(source: &Source) -> Option<u64> {
    Some(source.load().await)
}

#[cache_result(ttl = |seconds| Duration::from_secs(*seconds), jitter = "0%", skip(source))]
async fn as_long_as_it_says(source: &Source) -> u64 {
    source.load().await
}

#[cache_result(ttl = "1h", negative_ttl = "10s", jitter = "0%", skip(source))]
async fn optional(source: &Source) -> Option<u64> {
    Some(source.load().await).filter(|value| *value > 1)
}

#[cache_result(
    ttl = |value| Duration::from_secs(*value),
    negative_ttl = 10,
    unless = |value| *value == 3,
    jitter = "0%",
    skip(source)
)]
async fn fallible(source: &Source) -> Result<Option<u64>, Broken> {
    match source.load().await {
        0 => Err(Broken),
        1 => Ok(None),
        value => Ok(Some(value)),
    }
}

#[tokio::test]
async fn a_call_for_which_when_is_false_reads_and_stores_nothing() {
    let (source, limit) = (Source::open(), std::num::NonZeroU64::new(3).unwrap());
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(first_pages(&source, limit, 2).await, 3);
                assert_eq!(first_pages(&source, limit, 3).await, 4);
            }
            assert_eq!(source.loads(), 3);
            assert!(first_pages::peek(3_u64).await.unwrap().is_none());
            first_pages::refresh(&source, limit, 3).await;
            assert!(first_pages::peek(3_u64).await.unwrap().is_none());
            // What is stored is not read either.
            first_pages::refresh(&source, std::num::NonZeroU64::MAX, 3).await;
            source.write(7);
            assert_eq!(first_pages(&source, limit, 3).await, 10);
        })
        .await;
}

#[tokio::test]
async fn what_unless_keeps_out_is_returned_and_not_stored() {
    let source = Source::open();
    source.write(0);
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(filled(&source, 1).await, Ok(vec![]));
                assert_eq!(filled(&source, 10).await, Ok(vec![10]));
            }
            assert_eq!(source.loads(), 3);
            filled::refresh(&source, 1).await.unwrap();
            assert!(filled::peek(1_u64).await.unwrap().is_none());
            source.write(1);
            even(&source).await;
            assert!(even::peek().await.unwrap().is_none());
            source.write(2);
            even(&source).await;
            assert_eq!(even::peek().await.unwrap().unwrap().value, Some(2));
        })
        .await;
}

#[tokio::test]
async fn those_who_wait_share_what_unless_keeps_out() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    source.write(0);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(filled(&source, 1)).await });
    }
    eventually("the load begins", async || source.loads() == 1).await;
    source.let_go(100);
    assert!(calls.join_all().await.iter().all(|output| *output == Ok(vec![])));
    assert_eq!(source.loads(), 1);
}

async fn timed() -> (Cache, Clock) {
    let clock = Clock::manual();
    (Cache::builder().clock(clock.clone()).build().await.unwrap(), clock)
}

#[tokio::test]
async fn a_value_says_how_long_it_lives() {
    let ((cache, clock), source) = (timed().await, Source::open());
    cache
        .scope(async {
            for seconds in [5, 90] {
                source.write(seconds);
                as_long_as_it_says(&source).await;
                let peek = as_long_as_it_says::peek().await.unwrap().expect("it is stored");
                assert_eq!(peek.ttl_left, Duration::from_secs(seconds));
                clock.advance(Duration::from_secs(seconds));
            }
            source.write(0);
            assert_eq!(as_long_as_it_says(&source).await, 0);
            assert!(as_long_as_it_says::peek().await.unwrap().is_none(), "zero is not at all");
        })
        .await;
}

#[tokio::test]
async fn a_none_is_cached_for_its_own_ttl() {
    let ((cache, clock), source) = (timed().await, Source::open());
    cache
        .scope(async {
            assert_eq!(optional(&source).await, None);
            assert_eq!(optional(&source).await, None);
            assert_eq!(source.loads(), 1);
            let peek = optional::peek().await.unwrap().expect("the `None` is stored");
            assert_eq!((peek.value, peek.ttl_left), (None, Duration::from_secs(10)));
            clock.advance(Duration::from_secs(10));
            source.write(2);
            assert_eq!(optional(&source).await, Some(2));
            let peek = optional::peek().await.unwrap().expect("the value is stored");
            assert_eq!((peek.value, peek.ttl_left), (Some(2), Duration::from_secs(3600)));
        })
        .await;
}

#[tokio::test]
async fn a_none_an_error_and_what_the_closures_say_go_together() {
    let ((cache, _clock), source) = (timed().await, Source::open());
    let left = async || fallible::peek().await.unwrap().map(|peek| peek.ttl_left.as_secs());
    cache
        .scope(async {
            for (written, output, ttl) in [
                (0, Err(Broken), None),
                (1, Ok(None), Some(10)),
                (2, Ok(Some(2)), Some(2)),
                (3, Ok(Some(3)), None),
                (4, Ok(Some(4)), Some(4)),
            ] {
                source.write(written);
                fallible::invalidate().await.unwrap();
                assert_eq!(fallible(&source).await, output);
                assert_eq!(left().await, ttl, "of {output:?}");
            }
        })
        .await;
}

/// One template in two builds of a program.
mod builds {
    use super::*;

    #[cache_result(ttl = "1h", key = "builds:old", skip(source))]
    pub(super) async fn first(source: &Source) -> u64 {
        source.load().await
    }

    #[cache_result(ttl = "1h", key = "builds:new", version = 2, skip(source))]
    pub(super) async fn changed(source: &Source) -> u64 {
        source.load().await
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn another_version_reads_a_miss() {
    let server = crate::support::RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    cache
        .scope(async {
            builds::first(&source).await;
            // What the one build has stored is put where the other looks.
            server.cli(&["COPY", "builds:old", "builds:new"]);
            source.write(2);
            assert_eq!(builds::changed(&source).await, 2);
            assert_eq!(builds::changed(&source).await, 2);
            server.cli(&["COPY", "builds:new", "builds:old", "REPLACE"]);
            source.write(3);
            assert_eq!(builds::first(&source).await, 3);
        })
        .await;
    assert_eq!(source.loads(), 3);
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_none_in_redis_is_a_none_and_no_miss() {
    let server = crate::support::RedisServer::start();
    let (first, second) = (server.cache().await, server.cache().await);
    let source = Source::open();
    assert_eq!(first.scope(optional(&source)).await, None);
    source.write(2);
    assert_eq!(second.scope(optional(&source)).await, None);
    assert_eq!(source.loads(), 1);
    first.scope(optional::invalidate()).await.unwrap();
    assert_eq!(second.scope(optional(&source)).await, Some(2));
    assert_eq!(first.scope(optional(&source)).await, Some(2));
    assert_eq!(source.loads(), 2);
}
