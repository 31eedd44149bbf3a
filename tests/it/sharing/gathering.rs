//! Calls that come at once are answered by one read of the server: what is sent, and what becomes of who leaves.
//!
//! The server is stopped while calls begin, so that one is under way when the next comes.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, cache_result, invalidates};
use tokio::task::{JoinHandle, yield_now};

use crate::support::{RedisServer, Source, eventually};

/// Longer than any test stops its server.
const BUDGET: Duration = Duration::from_secs(20);

#[cache_result(ttl = "1h", key = "gathered:<id>", skip(source))]
async fn number(source: Arc<Source>, id: u64) -> u64 {
    source.load().await + id
}

#[invalidates(number(id))]
async fn renumber(source: &Source, id: u64, value: u64) -> Result<(), std::io::Error> {
    source.write(value);
    Ok(())
}

fn source() -> Arc<Source> {
    let source = Source::open();
    source.write(100);
    Arc::new(source)
}

/// One connection, so that all of its calls meet.
async fn connect(server: &RedisServer) -> Cache {
    let builder = Cache::builder().url(server.url()).connections(1).near(0).budget(BUDGET);
    builder.build().await.expect("the server runs")
}

fn call(cache: &Cache, source: &Arc<Source>, id: u64) -> JoinHandle<u64> {
    let (cache, source) = (cache.clone(), Arc::clone(source));
    tokio::spawn(async move { cache.scope(number(source, id)).await })
}

/// Lets all that was spawned come as far as it can without an answer.
async fn settle() {
    for _ in 0..8 {
        yield_now().await;
    }
}

/// How often the server was sent a command.
pub(super) fn count(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// Stores values under these ids, one after the other.
async fn store(cache: &Cache, source: &Arc<Source>, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(cache.scope(number(Arc::clone(source), id)).await, 100 + id);
    }
}

#[tokio::test]
async fn who_comes_alone_sends_one_command_and_who_come_together_one_for_all() {
    let (server, source) = (RedisServer::start(), source());
    let cache = connect(&server).await;
    store(&cache, &source, 0..20).await;
    server.cli(&["CONFIG", "RESETSTAT"]);
    store(&cache, &source, 0..3).await;
    assert_eq!((count(&server, "set"), count(&server, "mget")), (3, 0), "one after the other");

    server.stop_signal();
    let first = call(&cache, &source, 0);
    settle().await;
    let others: Vec<_> = (1..20).map(|id| call(&cache, &source, id)).collect();
    settle().await;
    server.continue_signal();
    assert_eq!(first.await.expect("a value"), 100);
    for (at, other) in others.into_iter().enumerate() {
        assert_eq!(other.await.expect("a value"), 101 + at as u64);
    }
    assert_eq!((count(&server, "set"), count(&server, "mget")), (4, 1), "at once");
    assert_eq!(source.loads(), 20);
}

#[tokio::test]
async fn what_is_missing_is_led_by_one_and_leased_for_itself() {
    let (server, source) = (RedisServer::start(), source());
    let cache = connect(&server).await;
    store(&cache, &source, 0..3).await;
    server.cli(&["CONFIG", "RESETSTAT"]);

    server.stop_signal();
    let mut all = vec![call(&cache, &source, 0)];
    settle().await;
    // Two that are stored, and two that are not, each of them twice.
    all.extend([1, 2, 3, 4, 3, 4].map(|id| call(&cache, &source, id)));
    settle().await;
    server.continue_signal();
    for (one, value) in all.into_iter().zip([100, 101, 102, 103, 104, 103, 104]) {
        assert_eq!(one.await.expect("a value"), value);
    }
    assert_eq!(source.loads(), 5, "each was loaded once");
    assert_eq!(count(&server, "mget"), 1);
    // One for the first, and for what is missing one lease and one fill, which sets too.
    assert_eq!((count(&server, "set"), count(&server, "evalsha") + count(&server, "eval")), (5, 2));
}

#[tokio::test]
async fn nobodys_leaving_costs_another_its_answer() {
    let (server, source) = (RedisServer::start(), source());
    let cache = connect(&server).await;
    store(&cache, &source, 0..9).await;
    server.cli(&["CONFIG", "RESETSTAT"]);

    server.stop_signal();
    let first = call(&cache, &source, 0);
    settle().await;
    // The one who is to send leaves before it has, and another right after it.
    let unsent: Vec<_> = (1..5).map(|id| call(&cache, &source, id)).collect();
    yield_now().await;
    unsent[0].abort();
    unsent[1].abort();
    settle().await;
    // The one who has sent leaves before the answer comes.
    let sent: Vec<_> = (5..9).map(|id| call(&cache, &source, id)).collect();
    settle().await;
    sent[0].abort();
    settle().await;
    server.continue_signal();
    assert_eq!(first.await.expect("a value"), 100);
    for (id, one) in (1..).zip(unsent.into_iter().chain(sent)) {
        match one.await {
            Ok(value) => assert_eq!(value, 100 + id),
            Err(left) => assert!(left.is_cancelled() && [1, 2, 5].contains(&id), "{id}: {left}"),
        }
    }
    assert_eq!((count(&server, "set"), count(&server, "mget")), (1, 2), "nobody asked again");
}

#[tokio::test]
async fn all_may_leave_and_the_next_is_answered() {
    let (server, source) = (RedisServer::start(), source());
    let cache = connect(&server).await;
    store(&cache, &source, 0..4).await;

    server.stop_signal();
    let first = call(&cache, &source, 0);
    settle().await;
    let unsent = call(&cache, &source, 1);
    yield_now().await;
    unsent.abort();
    settle().await;
    let sent = call(&cache, &source, 2);
    settle().await;
    sent.abort();
    settle().await;
    let last = call(&cache, &source, 3);
    settle().await;
    server.continue_signal();
    assert_eq!((first.await.expect("a value"), last.await.expect("a value")), (100, 103));
    server.cli(&["CONFIG", "RESETSTAT"]);
    store(&cache, &source, 0..1).await;
    assert_eq!((count(&server, "set"), count(&server, "mget")), (1, 0), "nothing is under way any more");
}

#[tokio::test]
async fn who_comes_after_a_mutation_sees_it_whatever_was_gathered_before() {
    let (server, source) = (RedisServer::start(), source());
    let (cache, other) = (connect(&server).await, connect(&server).await);
    store(&cache, &source, 0..2).await;
    for round in 1..200 {
        let before: Vec<_> = (0..8).map(|caller| call(&cache, &source, caller % 2)).collect();
        other.scope(renumber(&source, 0, 100 + round)).await.expect("it cannot fail");
        assert_eq!(cache.scope(number(Arc::clone(&source), 0)).await, 100 + round);
        for one in before {
            one.await.expect("a value");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_a_gathered_call_its_budget_once() {
    let (server, source) = (RedisServer::start(), source());
    let builder =
        Cache::builder().url(server.url()).connections(1).near(0).budget(Duration::from_millis(100));
    let cache = builder.build().await.expect("the server runs");
    server.stop_signal();
    let first = call(&cache, &source, 0);
    settle().await;
    let others: Vec<_> = (1..9).map(|id| call(&cache, &source, id)).collect();
    for (id, one) in std::iter::once(first).chain(others).enumerate() {
        assert_eq!(one.await.expect("a value"), 100 + id as u64);
    }
    server.continue_signal();
    eventually("the server answers", || async { server.cli(&["PING"]) == "PONG" }).await;
    // The read of all was the only thing that was asked beside the first lookup and the releases.
    assert!(count(&server, "set") <= 1, "nobody asked a second time");
}
