//! Guards on a server that is full, lost its scripts, or holds something else.

use std::time::Duration;

use bytes::Bytes;
use cachemacro_runtime::error::ErrorKind;
use cachemacro_runtime::store::redis::RedisStore;
use cachemacro_runtime::store::{Found, Lease, Put, PutVerdict, Store, Token, Verdict};

use super::{LEASE_TTL, connect, lead, put, read};
use crate::support::RedisServer;

#[tokio::test]
async fn guards_work_on_a_full_server() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let keys: [&[u8]; 3] = [b"ended", b"put", b"invalidated"];
    for key in keys {
        put(&store, key).await;
    }
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);

    let first = begin(&store, &keys).await;
    assert!(carries(&store, b"ended").await && carries(&store, b"put").await);
    let second = begin(&store, &keys[..1]).await;
    assert!(!carries(&store, b"ended").await, "it is rewritten without");
    let renewal = Lease { token: first, ttl: LEASE_TTL * 2 };
    assert_eq!(store.renew_guards(&keys, renewal).await.expect("an answer"), Verdict::Accepted);

    assert_eq!(store.end_guards(&keys[..1], second).await.expect("an answer"), Verdict::Accepted);
    assert_eq!(store.end_guards(&keys[..1], first).await.expect("an answer"), Verdict::Accepted);
    assert!(matches!(read(&store, b"ended").await, Found::Absent));

    assert_eq!(end_with(&store, b"put", first).await, PutVerdict::NotWritten, "there is no room for it");
    assert!(matches!(read(&store, b"put").await, Found::Absent));

    assert_eq!(store.invalidate(&keys[2..]).await.expect("an answer"), 1);
    assert!(!carries(&store, b"invalidated").await);
    assert_eq!(store.end_guards(&keys[2..], first).await.expect("an answer"), Verdict::Accepted);
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn data_of_another_kind_is_not_guarded_and_left_alone() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    server.cli(&["RPUSH", "list", "element"]);
    let guard = Lease { token: Token::random(), ttl: LEASE_TTL };
    let keys: [&[u8]; 3] = [b"before", b"list", b"behind"];
    let error = store.begin_guards(&keys, guard).await.expect_err("a list takes no guard");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(
        error.to_string(),
        r#"redis begin guards "list": data of another kind is under this key; choose another key template"#
    );
    for key in [b"before", b"behind"] {
        assert!(matches!(read(&store, key).await, Found::Guarded(None)), "what can be guarded is");
    }
    let list = &keys[1..2];
    assert_eq!(store.renew_guards(list, guard).await.expect("an answer"), Verdict::Refused);
    assert_eq!(store.end_guards(list, guard.token).await.expect("an answer"), Verdict::Refused);
    assert_eq!(end_with(&store, b"list", guard.token).await, PutVerdict::NotWritten);
    assert_eq!(server.cli(&["LRANGE", "list", "0", "-1"]), "element");
    assert_eq!(server.cli(&["PTTL", "list"]), "-1");
}

#[tokio::test]
async fn a_foreign_string_is_guarded_and_not_carried() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let odd = "G\u{1}\0\0\u{2}, which are two guards, but there is only one of them";
    for text in ["foreign", "", "V", "Goodbye", odd, &format!("V{}", "v".repeat(40))] {
        server.cli(&["SET", "k", text]);
        let token = begin(&store, &[b"k"]).await;
        assert!(!carries(&store, b"k").await, "{text}: without an end it is not ours");
        assert_eq!(end_with(&store, b"k", token).await, PutVerdict::Written, "{text}");
    }
}

#[tokio::test]
async fn a_guarded_key_lives_as_long_as_its_last_guard() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let left = || server.cli(&["PTTL", "k"]).parse::<u64>().expect("a time left");
    let guard = |seconds| Lease { token: Token::random(), ttl: Duration::from_secs(seconds) };
    let (short, long) = (guard(100), guard(1_000));
    store.begin_guards(&[b"k"], short).await.expect("it is guarded");
    assert!((50_000..=100_000).contains(&left()));
    store.begin_guards(&[b"k"], long).await.expect("it is guarded");
    assert!((500_000..=1_000_000).contains(&left()));
    store.begin_guards(&[b"k"], guard(10)).await.expect("it is guarded");
    assert!((500_000..=1_000_000).contains(&left()), "the last is not the latest");
    let renewal = Lease { ttl: Duration::from_secs(200), ..short };
    assert_eq!(store.renew_guards(&[b"k"], renewal).await.expect("an answer"), Verdict::Accepted);
    assert!((500_000..=1_000_000).contains(&left()), "another is the last");
    let _ = store.invalidate(&[b"k"]).await.expect("an answer");
    assert!((500_000..=1_000_000).contains(&left()));
    assert_eq!(store.end_guards(&[b"k"], long.token).await.expect("an answer"), Verdict::Accepted);
    assert!((100_001..=200_000).contains(&left()));
}

#[tokio::test]
async fn a_server_that_lost_its_scripts_is_sent_them_again() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let keys: [&[u8]; 3] = [b"a", b"b", b"c"];
    let forget = || assert_eq!(server.cli(&["SCRIPT", "FLUSH"]), "OK");
    forget();
    let token = begin(&store, &keys).await;
    forget();
    let renewal = Lease { token, ttl: LEASE_TTL };
    assert_eq!(store.renew_guards(&keys, renewal).await.expect("an answer"), Verdict::Accepted);
    forget();
    assert_eq!(end_with(&store, b"a", token).await, PutVerdict::Written);
    forget();
    assert_eq!(store.end_guards(&keys[1..], token).await.expect("an answer"), Verdict::Accepted);
    assert_eq!(server.cli(&["DBSIZE"]), "1");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_guards_nothing() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let token = begin(&store, &[b"guarded"]).await;
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let guard = Lease { token, ttl: LEASE_TTL };
    let begun = store.begin_guards(&[b"other"], guard).await;
    assert_eq!(begun.expect_err("it is read-only").kind(), ErrorKind::Rejected);
    let ended = store.end_guards(&[b"guarded"], token).await;
    assert_eq!(ended.expect_err("it is read-only").kind(), ErrorKind::Rejected);
    assert!(matches!(lead(&store, b"guarded").await.1, Found::Guarded(None)));
}

async fn begin(store: &RedisStore, keys: &[&[u8]]) -> Token {
    let token = Token::random();
    store.begin_guards(keys, Lease { token, ttl: LEASE_TTL }).await.expect("the keys are guarded");
    token
}

async fn end_with(store: &RedisStore, key: &[u8], guard: Token) -> PutVerdict {
    let payload = Bytes::from_static(b"after");
    let ttl = Duration::from_secs(600);
    store.put(Put { key, guard, fill_id: Token::random(), payload, ttl }).await.expect("an answer")
}

/// Whether the guards of a key carry a value; readers with a lease and without have to agree.
async fn carries(store: &RedisStore, key: &[u8]) -> bool {
    let (leasing, reading) = (lead(store, key).await.1, read(store, key).await);
    let (Found::Guarded(one), Found::Guarded(other)) = (&leasing, &reading) else {
        panic!("it is not guarded: {leasing:?}, {reading:?}")
    };
    assert_eq!(one.is_some(), other.is_some());
    one.is_some()
}
