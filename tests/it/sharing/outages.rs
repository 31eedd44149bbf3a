//! Redis down, stopped, full: a bounded delay, and never an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro::{Cache, ErrorKind, JournalLimits};

use super::{BUDGET, connect, number, read, write};
use crate::support::{RedisServer, Source, eventually};

/// What a call may take beyond the budget on a busy machine. It is far below what an unbounded wait takes.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn while_redis_is_stopped_the_body_runs_after_the_budget_and_then_all_is_well_again() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    assert_eq!(read(&cache, &source).await, 1);
    server.stop_signal();
    let start = Instant::now();
    source.write(2);
    assert_eq!(read(&cache, &source).await, 2, "an outage is not a hit");
    assert!(start.elapsed() >= BUDGET && start.elapsed() < BUDGET + SLACK, "{:?}", start.elapsed());
    server.continue_signal();
    hits_come(&cache, &source).await;
}

#[tokio::test]
async fn a_restart_with_an_empty_memory_recovers_by_itself() {
    let mut server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    server.kill();
    assert_eq!(read(&cache, &source).await, 1, "no error");
    assert_eq!(source.loads(), 2);
    server.restart();
    hits_come(&cache, &source).await;
}

#[tokio::test]
async fn a_mutation_while_redis_is_down_returns_and_its_invalidation_is_delivered_later() {
    let server = RedisServer::start();
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let source = Arc::new(Source::open());
    read(&here, &source).await;
    server.stop_signal();
    here.scope(write(&source, 7, 2)).await.expect("the mutation itself is done");
    assert_eq!(here.status().undelivered, 1);
    assert_eq!(read(&here, &source).await, 2, "this process does not read what it could not invalidate");
    server.continue_signal();
    eventually("it is delivered", async || here.status().undelivered == 0).await;
    assert_eq!(read(&elsewhere, &source).await, 2);
}

#[tokio::test]
async fn what_could_not_be_invalidated_is_not_read_even_from_a_store_that_answers() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    // Reads and leases are allowed, scripts are not: nothing can be invalidated, or filled.
    server.cli(&["ACL", "SETUSER", "default", "-@scripting"]);
    cache.scope(write(&source, 7, 2)).await.unwrap();
    assert_eq!(cache.status().undelivered, 1);
    assert_eq!(read(&cache, &source).await, 2);
    assert_eq!(cache.scope(number::peek(7_u64)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.cli(&["ACL", "SETUSER", "default", "+@all"]);
    eventually("it is delivered", async || cache.status().undelivered == 0).await;
    assert_eq!(read(&cache, &source).await, 2);
    assert_eq!(read(&cache, &source).await, 2);
    assert_eq!(source.loads(), 3, "it is stored again");
}

#[tokio::test]
async fn an_invalidation_that_fails_says_so_and_is_delivered_later_all_the_same() {
    let mut server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    server.kill();
    let error = cache.scope(number::invalidate(7_u64)).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    server.restart();
    eventually("it is delivered", async || cache.status().undelivered == 0).await;
}

#[tokio::test]
async fn closing_reports_what_could_not_be_delivered() {
    let mut server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    server.kill();
    cache.scope(write(&source, 7, 2)).await.unwrap();
    let closed = cache.close(Duration::from_millis(200)).await;
    assert_eq!(closed.undelivered, 1);
    assert_eq!(read(&cache, &source).await, 2, "a closed cache runs the bodies");
}

#[tokio::test]
async fn closing_delivers_what_can_be() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    server.stop_signal();
    cache.scope(write(&source, 7, 2)).await.unwrap();
    server.continue_signal();
    let closed = cache.close(Duration::from_secs(10)).await;
    assert_eq!((closed.undelivered, closed.in_time), (0, true));
    assert_eq!(server.cli(&["EXISTS", "sharing:number:7"]), "0");
}

#[tokio::test]
async fn a_full_redis_still_answers_hits_and_what_it_does_not_take_is_returned() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]);
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(read(&cache, &source).await, 1);
    assert_eq!(source.loads(), 1, "a hit");
    assert_eq!(cache.scope(number(&source, 8)).await, 1);
    assert_eq!(cache.scope(number(&source, 8)).await, 1);
    assert_eq!(source.loads(), 3, "nothing is stored");
    cache.scope(write(&source, 7, 2)).await.unwrap();
    assert_eq!(cache.status().undelivered, 0, "an invalidation needs no memory");
}

#[tokio::test]
async fn connecting_to_nobody_is_an_error_unless_it_may_be_lazy() {
    let mut server = RedisServer::start();
    server.kill();
    let url = format!("redis://user:hunter2@127.0.0.1:{}", server.port());
    let error = Cache::connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let mut text = format!("{error} {error:?}");
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!text.contains("hunter2"), "{text}");

    let cache = Cache::connect_lazy(&server.url()).await.unwrap();
    let source = Arc::new(Source::open());
    assert_eq!(read(&cache, &source).await, 1);
    server.restart();
    hits_come(&cache, &source).await;
}

#[tokio::test]
async fn urls_that_cannot_be_used_say_what_to_write_and_are_not_repeated() {
    for (url, said) in [
        ("localhost:6379/hunter2", "no scheme"),
        ("http://hunter2@localhost", "scheme is unknown"),
        ("memcached://hunter2", "are not in it"),
        ("redis://:hunter2@local host:port/", "redis://"),
    ] {
        let error = Cache::connect(url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert!(text.contains(said), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_left_alone_and_tried_again() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    server.stop_signal();
    eventually("it is left alone", async || {
        assert_eq!(read(&cache, &source).await, 1);
        cache.status().broken
    })
    .await;
    server.continue_signal();
    hits_come(&cache, &source).await;
    assert!(!cache.status().broken);
}

#[tokio::test]
async fn more_than_is_kept_suspends_reading_until_the_store_was_swept() {
    let server = RedisServer::start();
    let limits = JournalLimits { keys_max: 2, ..JournalLimits::default() };
    let here =
        Cache::builder().url(server.url()).budget(BUDGET).near(0).journal(limits).build().await.unwrap();
    let there = connect(&server).await;
    let source = Arc::new(Source::open());
    for id in 1..=7 {
        there.scope(number(&source, id)).await;
    }
    server.cli(&["SET", "sharing:number:7:session", "of another program"]);
    server.stop_signal();
    for id in 1..=7 {
        here.scope(write(&source, id, 2)).await.unwrap();
    }
    assert!(here.status().suspended);
    assert_eq!(here.scope(number(&source, 1)).await, 2);
    server.continue_signal();
    eventually("it is swept", async || !here.status().suspended).await;
    for id in 1..=7 {
        assert_eq!(there.scope(number(&source, id)).await, 2, "{id}");
    }
    assert_eq!(server.cli(&["GET", "sharing:number:7:session"]), "of another program");
}

#[tokio::test]
async fn closing_reports_that_there_was_more_than_is_kept() {
    let mut server = RedisServer::start();
    let limits = JournalLimits { bytes_max: 300, ..JournalLimits::default() };
    let cache =
        Cache::builder().url(server.url()).budget(BUDGET).near(0).journal(limits).build().await.unwrap();
    let source = Arc::new(Source::open());
    server.kill();
    for id in 1..=4 {
        cache.scope(write(&source, id, 2)).await.unwrap();
    }
    assert!(cache.close(Duration::from_millis(200)).await.suspended);
}

#[tokio::test]
async fn what_a_store_has_lost_that_it_had_acknowledged_is_sent_again() {
    let mut server = RedisServer::start();
    let (here, there) = (connect(&server).await, connect(&server).await);
    let source = Arc::new(Source::open());
    assert_eq!(read(&there, &source).await, 1);
    server.cli(&["SET", "saved", "yes"]);
    server.cli(&["SAVE"]);
    here.scope(write(&source, 7, 2)).await.unwrap();
    assert_eq!(server.cli(&["EXISTS", "sharing:number:7"]), "0");
    server.kill();
    server.restart();
    assert_eq!(server.cli(&["GET", "saved"]), "yes", "it came back as it was");
    let is_gone = async || server.cli(&["EXISTS", "sharing:number:7"]) == "0";
    eventually("the old value is gone again", is_gone).await;
    assert_eq!(read(&there, &source).await, 2);
}

/// Waits until a call is answered without its body.
async fn hits_come(cache: &Cache, source: &Arc<Source>) {
    eventually("hits come", async || {
        let loads = source.loads();
        read(cache, source).await;
        source.loads() == loads
    })
    .await;
}
