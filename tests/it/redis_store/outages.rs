//! Servers that stop, die, restart and cut connections, and callers that give up.

use std::time::{Duration, Instant};

use cachemacro_runtime::error::ErrorKind;
use cachemacro_runtime::store::redis::RedisStore;
use cachemacro_runtime::store::{Ask, Found, Lease, Pattern, Scan, Store, Token, Verdict};

use super::{LEASE_TTL, SOON, config, connect, fill, ids, lead, read};
use crate::support::{RedisServer, eventually};

#[tokio::test]
async fn a_server_that_stands_still_costs_the_budget_and_recovers() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(50);
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    let start = Instant::now();
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("nobody answers") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(50) && start.elapsed() < SOON, "{:?}", start.elapsed());
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"other").await, Found::Absent) }).await;
    assert_eq!(ids(&server), before, "a timeout alone keeps the connections");
}

#[tokio::test]
async fn a_connection_that_stays_silent_is_replaced() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(20);
    config.connect_timeout = Duration::from_millis(100);
    config.connections = 1;
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    eventually("the connection is given up", || async {
        let Found::Failed(error) = read(&store, b"k").await else { panic!("nobody answers") };
        error.kind() == ErrorKind::Unavailable
    })
    .await;
    let start = Instant::now();
    assert!(matches!(read(&store, b"k").await, Found::Failed(_)));
    assert!(start.elapsed() < Duration::from_millis(20), "without a connection there is nothing to wait for");
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"k").await, Found::Absent) }).await;
    assert!(before.iter().all(|id| !ids(&server).contains(id)), "the connection is a new one");
}

#[tokio::test]
async fn a_slow_server_that_answers_at_last_keeps_its_connection() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(20);
    config.connect_timeout = Duration::from_secs(20);
    config.connections = 1;
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    let start = Instant::now();
    eventually("the connection is in doubt", || async {
        assert!(matches!(read(&store, b"k").await, Found::Failed(_)));
        start.elapsed() > Duration::from_millis(2_500)
    })
    .await;
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"k").await, Found::Absent) }).await;
    assert_eq!(ids(&server), before);
}

#[tokio::test]
async fn a_server_that_restarts_empty_is_found_again_and_refuses_old_leases() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    let (token, found) = lead(&store, b"k").await;
    assert!(matches!(found, Found::Lead));
    server.kill();
    let start = Instant::now();
    let error = fill(&store, b"k", token).await.expect_err("nobody serves");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(start.elapsed() < SOON);
    server.restart();
    eventually("the store serves", || async { !matches!(read(&store, b"k").await, Found::Failed(_)) }).await;
    assert_eq!(fill(&store, b"k", token).await.expect("an answer"), Verdict::Refused);
    assert!(matches!(lead(&store, b"k").await.1, Found::Lead));
}

#[tokio::test]
async fn connections_that_the_server_cuts_come_back_by_themselves() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let before = ids(&server);
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    // Nothing is asked of the store meanwhile: it sees the cut by itself.
    eventually("both connections are new ones", || async {
        let now = ids(&server);
        now.len() == 2 && before.iter().all(|id| !now.contains(id))
    })
    .await;
    // The server sees a connection before the store has tried it.
    for key in 0..20_u8 {
        eventually("the store serves", || async { matches!(lead(&store, &[key]).await.1, Found::Lead) })
            .await;
    }
}

#[tokio::test]
async fn a_server_without_our_scripts_is_taught_them() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for round in 0..3 {
        server.cli(&["SCRIPT", "FLUSH"]);
        let (token, found) = lead(&store, b"k").await;
        assert!(matches!(found, Found::Lead), "round {round}: {found:?}");
        assert_eq!(fill(&store, b"k", token).await.expect("an answer"), Verdict::Accepted);
        server.cli(&["SCRIPT", "FLUSH"]);
        let keys: [&[u8]; 3] = [b"absent", b"k", b"none"];
        assert_eq!(store.invalidate(&keys).await.expect("an answer"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_dropped_in_flight_and_released_leave_no_lease() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for round in 0..200_u32 {
        let key = format!("k{round}").into_bytes();
        let token = Token::random();
        let asks = [Ask { key: &key, lease: Some(Lease { token, ttl: LEASE_TTL }) }];
        let mut lookup = store.lookup(&asks);
        let _ = std::future::poll_fn(|cx| std::task::Poll::Ready(lookup.as_mut().poll(cx))).await;
        // Half of them surely reach the server; the others are dropped somewhere on the way.
        let surely = round % 2 == 0;
        if surely {
            eventually("the lease is granted", || async { server.cli_bytes(&[b"EXISTS", &key]) == "1" })
                .await;
        } else {
            for _ in 0..round % 8 {
                tokio::task::yield_now().await;
            }
        }
        drop(lookup);
        let verdict = store.release(&key, token).await.expect("an answer");
        assert!(verdict == Verdict::Accepted || !surely, "the lease of round {round} was there");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn a_scan_of_an_unreachable_server_is_an_error() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    server.kill();
    let scan = Scan { pattern: &Pattern::new("*"), cursor: 0, page_len: 10 };
    assert_eq!(store.scan(scan).await.expect_err("nobody serves").kind(), ErrorKind::Unavailable);
}
