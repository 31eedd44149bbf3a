//! Many callers of one key in several processes, and what a miss costs.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use cachemacro::{Cache, cache_result};
use tokio::time::Instant;

use super::gathering::count;
use crate::support::{RedisServer, Source, eventually};

/// How long a test goes on that is about to fail.
const GIVEN_UP: Duration = Duration::from_secs(20);

#[cache_result(ttl = "1h", key = "stampede:<id>", skip(source))]
async fn number(source: Arc<Source>, id: u64) -> u64 {
    source.load().await + id
}

fn builder(server: &RedisServer) -> cachemacro::CacheBuilder {
    Cache::builder().url(server.url()).budget(GIVEN_UP)
}

/// Connects, and waits until Redis tells of changes.
async fn connect(server: &RedisServer) -> Cache {
    let cache = builder(server).build().await.expect("the server runs");
    eventually("changes are told", async || cache.status().near.unwrap().coherent_for.is_some()).await;
    cache
}

fn call(cache: &Cache, source: &Arc<Source>) -> tokio::task::JoinHandle<u64> {
    let (cache, source) = (cache.clone(), Arc::clone(source));
    tokio::spawn(async move { cache.scope(number(source, 7)).await })
}

#[tokio::test]
async fn three_processes_of_a_thousand_callers_run_one_body() {
    let (server, source) = (RedisServer::start(), Arc::new(Source::held()));
    let near = connect(&server).await;
    let far = builder(&server).near(0).build().await.expect("the server runs");
    let caches = [near, connect(&server).await, far];
    let all: Vec<_> = (0..3_000).map(|at| call(&caches[at % 3], &source)).collect();
    eventually("each process has one that asks", async || count(&server, "set") >= 3).await;
    source.let_go(2);
    for one in all {
        assert_eq!(one.await.expect("a value"), 8);
    }
    assert_eq!(source.loads(), 1);
}

/// Time stands still for who waits, so that no poll is ever due.
#[tokio::test]
async fn a_fill_in_another_process_wakes_who_waits_for_it() {
    let (server, source) = (RedisServer::start(), Arc::new(Source::held()));
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let leading = call(&elsewhere, &source);
    eventually("it loads elsewhere", async || source.loads() == 1).await;
    let asked = count(&server, "set");
    let waiting = call(&here, &source);
    eventually("it has found that out", async || count(&server, "set") > asked).await;

    let (end, ended) = mpsc::channel::<()>();
    // Paused time goes on by itself as soon as nothing runs, but not beside a thread.
    let still = tokio::task::spawn_blocking(move || ended.recv_timeout(GIVEN_UP).is_ok());
    tokio::time::pause();
    let before = Instant::now();
    source.let_go(1);
    assert_eq!((leading.await.expect("a value"), waiting.await.expect("a value")), (8, 8));
    assert_eq!(Instant::now(), before, "it was not woken, and asked again when a poll was due");
    end.send(()).expect("it waits for that");
    assert!(still.await.expect("it ends"));
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn a_miss_takes_two_round_trips_and_its_value_is_there_when_it_returns() {
    let (server, source) = (RedisServer::start(), Arc::new(Source::open()));
    let cache = builder(&server).near(0).build().await.expect("the server runs");
    // The first of all asks for the time too, and sends the script.
    cache.scope(number(Arc::clone(&source), 0)).await;
    server.cli(&["CONFIG", "RESETSTAT"]);
    cache.scope(number(source, 1)).await;
    assert_eq!(server.cli(&["EXISTS", "stampede:1"]), "1", "whoever asks next finds it");
    // The script sets as well.
    let sent = ["evalsha", "eval", "set", "get", "mget"].map(|command| count(&server, command));
    assert_eq!(sent, [1, 0, 2, 0, 0]);
}
