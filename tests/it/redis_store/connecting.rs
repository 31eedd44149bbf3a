//! The ways in and out: URLs, passwords, starting without a server, closing.

use std::time::{Duration, Instant};

use cachemacro_runtime::error::ErrorKind;
use cachemacro_runtime::store::redis::{RedisConfig, RedisStore};
use cachemacro_runtime::store::{Found, Store};

use super::{SOON, clients, config, connect, lead};
use crate::support::{RedisServer, eventually};

#[tokio::test]
async fn an_unusable_url_is_refused_without_being_repeated() {
    for url in ["redis://user:secret@host/secret", "rediss://:secret@host", "http://secret", "secret"] {
        let error = RedisStore::connect(RedisConfig::new(url)).await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_at_once() {
    let mut server = RedisServer::start();
    server.kill();
    let start = Instant::now();
    let error = RedisStore::connect(config(&server)).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "redis connect: connection refused");
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_not_repeated() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">right", "~*", "+@all"]);
    let wrong = format!("redis://cache:wrong@127.0.0.1:{}", server.port());
    let error = RedisStore::connect(RedisConfig::new(wrong)).await.expect_err("a wrong password");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_store_that_connects_lazily_fails_at_once_and_then_serves() {
    let mut server = RedisServer::start();
    server.kill();
    let store = RedisStore::connect_lazily(config(&server)).expect("a usable config");
    eventually("the first dialling fails", || async {
        let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("nobody serves") };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        error.to_string() == r#"redis lookup "k": connection refused"#
    })
    .await;
    server.restart();
    eventually("the store serves", || async { matches!(lead(&store, b"k").await.1, Found::Lead) }).await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert!(store.close(Duration::from_secs(5)).await);
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("it is closed") };
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(store.invalidate(&[b"k"]).await.expect_err("it is closed").kind(), ErrorKind::Closed);
    // Two for the connections, and one for the asker.
    eventually("the connections are closed", || async { clients(&server) == 1 }).await;
}

#[tokio::test]
async fn a_dropped_store_closes_its_connections() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert_eq!(clients(&server), 3);
    drop(store);
    eventually("the connections are closed", || async { clients(&server) == 1 }).await;
}
