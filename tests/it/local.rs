//! Functions whose values never leave the process: `tier = local`, async and not.

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Clock, TierName, cache_result, invalidates, registry};

use crate::support::Source;

/// No serde.
#[derive(Clone)]
struct Handler(fn(u64) -> u64);

fn double(number: u64) -> u64 {
    number * 2
}

#[cache_result(ttl = "1h", tier = local, key = "handler:<id>", skip(source))]
async fn handler(source: &Source, id: u64) -> Handler {
    source.load().await;
    let _ = id;
    Handler(double)
}

#[derive(Default)]
struct Calls(AtomicUsize);

impl Calls {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[cache_result(ttl = "1h", tier = local, key = "parsed:<text>", skip(calls), jitter = "0%")]
fn parsed(calls: &Calls, text: &str) -> Result<usize, std::num::ParseIntError> {
    calls.next();
    text.parse()
}

#[cache_result(ttl = "1h", tier = local, key = "clauses:<id>", skip(calls), unless = |number| *number > 5, when = id > 0)]
fn clauses(calls: &Calls, id: usize) -> Option<usize> {
    Some(calls.next() + id)
}

#[invalidates(handler(id), parsed("1"))]
async fn change(id: u64) {}

#[tokio::test]
async fn a_value_without_serde_is_cached_in_this_process() {
    let source = Source::open();
    Cache::memory()
        .scope(async {
            assert_eq!(handler(&source, 1).await.0(2), 4);
            assert_eq!(handler(&source, 1).await.0(4), 8);
            assert_eq!(source.loads(), 1);
            assert_eq!(handler::peek(1_u64).await.unwrap().unwrap().tier, TierName::Local);
            handler::refresh(&source, 1).await;
            change(1).await;
            assert!(handler::peek(1_u64).await.unwrap().is_none());
        })
        .await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn beside_redis_it_stays_in_this_process() {
    use crate::support::RedisServer;
    let server = RedisServer::start();
    let cache = server.cache().await;
    let other = server.cache().await;
    let source = Source::open();
    for _ in 0..2 {
        cache.scope(handler(&source, 1)).await;
        other.scope(handler(&source, 1)).await;
    }
    assert_eq!(source.loads(), 2, "each process has its own");
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    assert_eq!(cache.status().local.map(|(entries, _)| entries), Some(1));
    assert_eq!(cache.scope(handler::peek(1_u64)).await.unwrap().unwrap().tier, TierName::Local);
    // By the companion, by a mutation, and by a key that nobody knows the function of.
    cache.scope(handler::invalidate(1_u64)).await.unwrap();
    cache.scope(handler(&source, 1)).await;
    cache.scope(change(1)).await;
    cache.scope(handler(&source, 1)).await;
    cache.invalidate(&handler::key(1_u64)).await.unwrap();
    cache.scope(handler(&source, 1)).await;
    assert_eq!(source.loads(), 5);
    other.scope(handler(&source, 1)).await;
    assert_eq!(source.loads(), 5, "the other process has not heard of it");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn an_outage_of_redis_does_not_concern_it() {
    use crate::support::RedisServer;
    let server = RedisServer::start();
    let cache = server.cache().await;
    drop(server);
    let source = Source::open();
    cache
        .scope(async {
            handler(&source, 1).await;
            handler(&source, 1).await;
            assert_eq!(source.loads(), 1);
            handler::invalidate(1_u64).await.unwrap();
            change(1).await;
            handler(&source, 1).await;
            assert_eq!(source.loads(), 2);
        })
        .await;
    assert_eq!(cache.status().undelivered, 0);
}

#[tokio::test]
async fn a_function_that_is_not_async_is_cached_too() {
    let calls = Calls::default();
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(parsed(&calls, "7").unwrap(), 7);
                assert!(parsed(&calls, "x").is_err());
            }
            assert_eq!(calls.0.load(Ordering::SeqCst), 3, "the error is not stored");
            assert_eq!(parsed::peek("7").unwrap().unwrap().value.unwrap(), 7);
            parsed::invalidate("7");
            assert!(parsed::peek("7").unwrap().is_none());
            parsed::refresh(&calls, "1").unwrap();
            parsed::refresh(&calls, "1").unwrap();
            assert_eq!(parsed::uncached(&calls, "1").unwrap(), 1);
            assert!(parsed::peek("1").unwrap().is_some());
            change(0).await;
            assert!(parsed::peek("1").unwrap().is_none());
        })
        .await;
}

#[tokio::test]
async fn a_function_that_is_not_async_keeps_to_its_clauses() {
    let calls = Calls::default();
    Cache::memory()
        .scope(async {
            assert_eq!((clauses(&calls, 0), clauses(&calls, 0)), (Some(1), Some(2)));
            assert_eq!((clauses(&calls, 1), clauses(&calls, 1)), (Some(4), Some(4)));
            assert_eq!((clauses(&calls, 3), clauses(&calls, 3)), (Some(7), Some(8)));
        })
        .await;
}

#[test]
fn it_needs_no_runtime() {
    #[cache_result(ttl = "1h", tier = local)]
    fn squared(number: u64) -> u64 {
        number * number
    }
    assert_eq!(squared(12), 144);
    assert_eq!(squared(12), 144);
    let stats = registry().iter().find(|site| site.name() == "squared").unwrap().stats();
    assert_eq!((stats.loads, stats.hits), (1, 1));
}

#[tokio::test]
async fn a_body_that_panics_or_calls_itself_leaves_the_key_free() {
    #[cache_result(ttl = "1h", tier = local, skip(calls))]
    fn panics_at_first(calls: &Calls) -> usize {
        let call = calls.next();
        assert!(call > 1, "the first call panics");
        call
    }
    #[cache_result(ttl = "1h", tier = local, key = "same:<id>", skip(depth))]
    fn nested(id: u8, depth: u8) -> u8 {
        if depth == 0 { id } else { nested(id, depth - 1) + 1 }
    }
    let calls = Calls::default();
    Cache::memory()
        .scope(async {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panics_at_first(&calls)));
            assert!(panic.is_err());
            assert_eq!((panics_at_first(&calls), panics_at_first(&calls)), (2, 2));
            assert_eq!((nested(1, 3), nested(1, 9)), (4, 4));
        })
        .await;
}

#[tokio::test]
async fn a_body_that_takes_longer_than_a_lease_is_stored() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    #[cache_result(ttl = "1h", tier = local, skip(clock))]
    fn slow(clock: &Clock) -> u64 {
        clock.advance(Duration::from_secs(60));
        7
    }
    cache
        .scope(async {
            slow(&clock);
            assert!(slow::peek().unwrap().is_some());
        })
        .await;
}

#[tokio::test]
async fn a_body_that_an_invalidation_overtakes_is_not_stored() {
    #[cache_result(ttl = "1h", tier = local, skip(calls))]
    fn overtaken(calls: &Rc<Calls>) -> usize {
        let call = calls.next();
        overtaken::invalidate();
        call
    }
    let calls = Rc::new(Calls::default());
    Cache::memory().scope(async { assert_eq!((overtaken(&calls), overtaken(&calls)), (1, 2)) }).await;
}
