//! How long a value lives, as it says itself, as a `None` and under jitter, in every tier: the embedded store, Redis, near
//! it, and `tier = local`.

use std::time::Duration;

use cachemacro::{Cache, Clock, cache_result};

use super::seconds;
#[cfg(feature = "redis")]
use crate::support::{RedisServer, eventually};

#[cache_result(
    ttl = |lives| seconds(*lives),
    negative_ttl = "100s",
    jitter = "0%",
    key = "tiers:<lives>"
)]
async fn shared(lives: u64) -> Option<u64> {
    Some(lives).filter(|lives| *lives > 0)
}

#[cache_result(
    ttl = |lives| seconds(*lives),
    negative_ttl = "100s",
    jitter = "0%",
    tier = local,
    key = "tiers:local:<lives>"
)]
async fn local(lives: u64) -> Option<u64> {
    Some(lives).filter(|lives| *lives > 0)
}

#[cache_result(ttl = "1000s", negative_ttl = "1000s", jitter = "50%", key = "tiers:jittered:<number>")]
async fn shared_jittered(number: u64) -> Option<u64> {
    Some(number).filter(|number| number.is_multiple_of(2))
}

#[cache_result(
    ttl = "1000s",
    negative_ttl = "1000s",
    jitter = "50%",
    tier = local,
    key = "tiers:jittered:local:<number>"
)]
async fn local_jittered(number: u64) -> Option<u64> {
    Some(number).filter(|number| number.is_multiple_of(2))
}

/// How much a value of a real server may have aged since it was stored.
const AGED_MAX: Duration = seconds(60);

/// What is left of each after it was called, and how much of that may have passed.
async fn lives_of(cache: &Cache, is_local: bool, aged_max: Duration) {
    for (lives, expected) in [(500, seconds(500)), (700, seconds(700)), (0, seconds(100))] {
        let left = cache
            .scope(async {
                // What is near is found by the second call.
                for _ in 0..2 {
                    let found = if is_local { local(lives).await } else { shared(lives).await };
                    assert_eq!(found, Some(lives).filter(|lives| *lives > 0));
                }
                let peek = if is_local { local::peek(lives).await } else { shared::peek(lives).await };
                peek.unwrap().expect("it is stored").ttl_left
            })
            .await;
        assert!(left <= expected && left + aged_max >= expected, "{left:?} of {expected:?}");
    }
}

/// Jitter shortens to between a half and the whole, for values and for each `None`, and not to the same.
async fn jitter_of(cache: &Cache, is_local: bool, aged_max: Duration) {
    let mut all = Vec::new();
    for number in 0..40 {
        let left = cache
            .scope(async {
                let peek = if is_local {
                    local_jittered(number).await;
                    local_jittered::peek(number).await
                } else {
                    shared_jittered(number).await;
                    shared_jittered::peek(number).await
                };
                peek.unwrap().expect("it is stored").ttl_left
            })
            .await;
        assert!(left <= seconds(1000) && left + aged_max >= seconds(500), "{left:?}");
        all.push(left);
    }
    let (shortest, longest) = (all.iter().min().unwrap(), all.iter().max().unwrap());
    // All within a fifth of the span has a chance of less than one in 10^25.
    assert!(*longest - *shortest > seconds(100), "{shortest:?} to {longest:?}");
}

#[tokio::test]
async fn in_the_embedded_store_and_locally() {
    let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
    for is_local in [false, true] {
        lives_of(&cache, is_local, Duration::ZERO).await;
        jitter_of(&cache, is_local, Duration::ZERO).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn on_redis_and_locally_beside_it() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    for is_local in [false, true] {
        lives_of(&cache, is_local, AGED_MAX).await;
        jitter_of(&cache, is_local, AGED_MAX).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn near_redis() {
    let server = RedisServer::start();
    let near = Cache::builder().url(server.url()).near(1 << 20).near_prefixes(&["tiers:"]);
    let cache = near.build().await.unwrap();
    let is_told = || cache.status().near.is_some_and(|near| near.coherent_for.is_some());
    eventually("the server tells of changes", async || is_told()).await;
    lives_of(&cache, false, AGED_MAX).await;
    jitter_of(&cache, false, AGED_MAX).await;
}
