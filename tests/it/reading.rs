//! What a call is answered with: the cache in this process, under an injected clock.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::store::memory::MemoryLimits;
use cachemacro::{Cache, Clock, cache_result};
use tokio::task::JoinSet;

use crate::support::{Source, eventually};

#[derive(Clone, Debug, PartialEq)]
struct Broken;

#[derive(Debug)]
struct NotClone;

#[cache_result(ttl = "1h", jitter = "0%", skip(source))]
async fn number(source: &Source, id: u64) -> u64 {
    source.load().await + id
}

#[cache_result(ttl = "1h", skip(source))]
async fn fallible(source: &Source, fail: bool) -> Result<u64, Broken> {
    let value = source.load().await;
    if fail {
        return Err(Broken);
    }
    Ok(value)
}

#[cache_result(ttl = "1h", skip(source))]
async fn unclonable(source: &Source) -> Result<u64, NotClone> {
    source.load().await;
    Err(NotClone)
}

#[cache_result(ttl = "1h", skip(source))]
async fn optional(source: &Source, there: bool) -> Option<u64> {
    let value = source.load().await;
    there.then_some(value)
}

/// Spawns a call in the scope of a cache.
fn call(tasks: &mut JoinSet<u64>, cache: &Cache, source: &Arc<Source>) {
    let (cache, source) = (cache.clone(), Arc::clone(source));
    tasks.spawn(async move { cache.scope(number(&source, 0)).await });
}

#[tokio::test]
async fn a_second_call_does_not_run_the_body() {
    let source = Source::open();
    Cache::memory()
        .scope(async {
            assert_eq!(number(&source, 1).await, 2);
            assert_eq!(number(&source, 1).await, 2);
            assert_eq!(source.loads(), 1);
            assert_eq!(number(&source, 2).await, 3, "another argument is another entry");
            assert_eq!(source.loads(), 2);
        })
        .await;
}

#[tokio::test]
async fn errors_and_nones_are_not_stored() {
    let source = Source::open();
    Cache::memory()
        .scope(async {
            for round in 1..=2 {
                assert_eq!(fallible(&source, true).await, Err(Broken));
                assert_eq!(optional(&source, false).await, None);
                assert_eq!(source.loads(), 2 * round);
            }
            for _ in 0..2 {
                assert_eq!(fallible(&source, false).await, Ok(1));
                assert_eq!(optional(&source, true).await, Some(1));
            }
            assert_eq!(source.loads(), 6);
        })
        .await;
}

#[tokio::test]
async fn a_value_lives_for_its_ttl_and_no_longer() {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let source = Source::open();
    cache
        .scope(async {
            number(&source, 1).await;
            clock.advance(Duration::from_secs(3599));
            number(&source, 1).await;
            assert_eq!(source.loads(), 1);
            let peek = number::peek(1_u64).await.unwrap().expect("it is stored");
            assert_eq!((peek.value, peek.age), (2, Duration::from_secs(3599)));
            assert_eq!(peek.ttl_left, Duration::from_secs(1));
            clock.advance(Duration::from_secs(1));
            assert!(number::peek(1_u64).await.unwrap().is_none());
            number(&source, 1).await;
            assert_eq!(source.loads(), 2);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_concurrent_calls_of_a_missing_key_run_one_body() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut calls = JoinSet::new();
    for _ in 0..10_000 {
        call(&mut calls, &cache, &source);
    }
    eventually("the load begins", async || source.loads() == 1).await;
    source.let_go(10_000);
    assert!(calls.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(source.loads(), 1);
    assert_eq!(cache.status().loads, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_dropped_one_who_waits_takes_over_and_the_rest_share() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut leader = JoinSet::new();
    call(&mut leader, &cache, &source);
    eventually("the first load begins", async || source.loads() == 1).await;
    let mut calls = JoinSet::new();
    for _ in 0..10_000 {
        call(&mut calls, &cache, &source);
    }
    leader.shutdown().await;
    eventually("the second load begins", async || source.loads() == 2).await;
    source.let_go(10_000);
    assert!(calls.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn waiters_share_one_load_when_the_leader_panics() {
    #[cache_result(ttl = "1h", skip(source))]
    async fn panics_at_first(source: &Source) -> u64 {
        let first = source.loads() == 0;
        let value = source.load().await;
        assert!(!first, "the first load panics");
        value
    }
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(panics_at_first(&source)).await });
    }
    eventually("the first load begins", async || source.loads() == 1).await;
    source.let_go(100);
    let mut panics = 0;
    while let Some(result) = calls.join_next().await {
        match result {
            Ok(value) => assert_eq!(value, 1),
            Err(_) => panics += 1,
        }
    }
    assert_eq!((panics, source.loads()), (1, 2));
}

#[tokio::test]
async fn waiters_share_an_error_that_can_be_copied_and_make_their_own_otherwise() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(fallible(&source, true)).await });
    }
    eventually("the load begins", async || source.loads() == 1).await;
    source.let_go(20);
    assert!(calls.join_all().await.iter().all(|result| *result == Err(Broken)));
    assert_eq!(source.loads(), 1);

    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(unclonable(&source)).await.is_err() });
    }
    calls.join_all().await;
    assert_eq!(source.loads(), 11);
}

#[tokio::test]
async fn a_load_that_an_invalidation_overtakes_is_not_stored_and_not_given_to_those_who_came_after() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut before = JoinSet::new();
    call(&mut before, &cache, &source);
    eventually("the load begins", async || source.loads() == 1).await;
    source.write(2);
    cache.invalidate(&number::key(0_u64)).await.unwrap();
    // This call begins after the invalidation: the load under way is too old for it.
    let mut after = JoinSet::new();
    call(&mut after, &cache, &source);
    tokio::task::yield_now().await;
    source.let_go(2);
    assert_eq!(before.join_all().await, [1]);
    assert_eq!(after.join_all().await, [2]);
    assert_eq!(cache.scope(number(&source, 0)).await, 2, "what is stored is the new value");
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn an_error_that_an_invalidation_overtakes_is_not_given_to_those_who_came_after() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let mut calls = JoinSet::new();
    let spawn = |calls: &mut JoinSet<_>| {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(fallible(&source, true)).await });
    };
    spawn(&mut calls);
    eventually("the load begins", async || source.loads() == 1).await;
    cache.invalidate(&fallible::key(true)).await.unwrap();
    spawn(&mut calls);
    tokio::task::yield_now().await;
    source.let_go(2);
    calls.join_all().await;
    assert_eq!(source.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_another_no_longer_than_it_may() {
    let cache = Cache::builder().wait_max(Duration::from_secs(5)).build().await.unwrap();
    let source = Arc::new(Source::held());
    let mut calls = JoinSet::new();
    call(&mut calls, &cache, &source);
    call(&mut calls, &cache, &source);
    eventually("the second call loads for itself", async || source.loads() == 2).await;
    source.let_go(2);
    assert_eq!(calls.join_all().await, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_longer_than_its_lease_is_stored() {
    #[cache_result(ttl = "1h", skip(clock))]
    async fn slow(clock: &Clock) -> u64 {
        for _ in 0..100 {
            clock.advance(Duration::from_millis(100));
            tokio::time::advance(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
        7
    }
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).lease(Duration::from_secs(3)).build().await.unwrap();
    cache
        .scope(async {
            slow(&clock).await;
            assert!(slow::peek().await.unwrap().is_some());
        })
        .await;
}

#[tokio::test]
async fn a_refresh_replaces_the_value_unless_an_invalidation_overtakes_it() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::open()));
    cache
        .scope(async {
            assert_eq!(number(&source, 0).await, 1);
            source.write(2);
            assert_eq!(number(&source, 0).await, 1);
            assert_eq!(number::refresh(&source, 0).await, 2);
            assert_eq!(number(&source, 0).await, 2);
            assert_eq!(number::uncached(&source, 0).await, 2);
        })
        .await;
    let held = Arc::new(Source::held());
    let mut refresh = JoinSet::new();
    let (in_task, source_in_task) = (cache.clone(), Arc::clone(&held));
    refresh.spawn(async move { in_task.scope(number::refresh(&source_in_task, 0)).await });
    eventually("the refresh begins", async || held.loads() == 1).await;
    cache.scope(number::invalidate(0_u64)).await.unwrap();
    held.let_go(1);
    refresh.join_all().await;
    assert!(cache.scope(number::peek(0_u64)).await.unwrap().is_none());
}

#[tokio::test]
async fn scopes_are_apart_and_so_is_the_embedded_cache() {
    let source = Source::open();
    let (ours, theirs) = (Cache::memory(), Cache::memory());
    ours.scope(number(&source, 77)).await;
    theirs.scope(number(&source, 77)).await;
    number(&source, 77).await;
    number(&source, 77).await;
    assert_eq!(source.loads(), 3);
}

#[tokio::test]
async fn a_recursive_function_reads_its_own_entries() {
    #[cache_result(ttl = "1h", skip(source))]
    async fn fibonacci(source: &Source, n: u64) -> u64 {
        source.load().await;
        if n < 2 {
            return n;
        }
        Box::pin(fibonacci(source, n - 1)).await + Box::pin(fibonacci(source, n - 2)).await
    }
    let source = Source::open();
    assert_eq!(Cache::memory().scope(fibonacci(&source, 50)).await, 12_586_269_025);
    assert_eq!(source.loads(), 51);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_returned_and_not_stored() {
    #[cache_result(ttl = "1h", skip(source))]
    async fn large(source: &Source) -> String {
        source.load().await;
        "x".repeat(1 << 20)
    }
    let limits = MemoryLimits { bytes_max: 64 << 10, ..MemoryLimits::default() };
    let cache = Cache::builder().memory(limits).build().await.unwrap();
    let source = Source::open();
    cache
        .scope(async {
            assert_eq!(large(&source).await.len(), 1 << 20);
            assert_eq!(large(&source).await.len(), 1 << 20);
        })
        .await;
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn a_closed_cache_runs_the_bodies() {
    let (cache, source) = (Cache::memory(), Source::open());
    cache.scope(number(&source, 0)).await;
    let closed = cache.close(Duration::from_secs(1)).await;
    assert!(closed.in_time && closed.undelivered == 0);
    cache
        .scope(async {
            assert_eq!(number(&source, 0).await, 1);
            assert_eq!(number(&source, 0).await, 1);
        })
        .await;
    assert_eq!(source.loads(), 3);
}

#[tokio::test]
async fn without_a_cache_each_call_runs_its_body() {
    for cache in [Cache::off(), Cache::connect("off://").await.unwrap()] {
        let source = Source::open();
        cache
            .scope(async {
                for loads in 1..4 {
                    assert_eq!(number(&source, 0).await, 1);
                    assert_eq!(source.loads(), loads);
                }
                number::refresh(&source, 0).await;
                number::guard(0).await.unwrap().put(&1).await.unwrap();
                assert!(number::peek(0).await.unwrap().is_none());
                number::invalidate(0).await.unwrap();
            })
            .await;
        assert_eq!(cache.status().to_string(), "store: off\nloads under way: 0");
    }
}

#[tokio::test]
async fn a_site_counts_what_it_does() {
    #[cache_result(ttl = "1h", name = "counted", skip(source))]
    async fn counted_function(source: &Source, fail: bool) -> Result<u64, Broken> {
        fallible::uncached(source, fail).await
    }
    let source = Source::open();
    Cache::memory()
        .scope(async {
            let _ = counted_function(&source, false).await;
            let _ = counted_function(&source, false).await;
            let _ = counted_function(&source, true).await;
        })
        .await;
    let site = cachemacro::registry().iter().find(|site| site.name() == "counted").expect("it is registered");
    let stats = site.stats();
    assert_eq!((stats.hits, stats.loads, stats.stored, stats.failures), (1, 2, 1, 1));
    assert_eq!(stats.calls(), 3);
}
