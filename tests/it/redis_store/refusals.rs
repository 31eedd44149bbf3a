//! Servers that refuse: full, read-only, without permission, too old.

use cachemacro_runtime::error::ErrorKind;
use cachemacro_runtime::store::redis::{RedisConfig, RedisStore};
use cachemacro_runtime::store::{Found, Lease, Store, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{LEASE_TTL, config, connect, fill, lead, put, read};
use crate::support::RedisServer;

#[tokio::test]
async fn a_full_server_is_read_and_invalidated() {
    for before_redis_7 in [false, true] {
        let server = RedisServer::start();
        let mut config = config(&server);
        config.before_redis_7 = before_redis_7;
        let store = RedisStore::connect(config).await.expect("a connection");
        put(&store, b"there").await;
        let (held, _) = lead(&store, b"held").await;
        let (renewed, _) = lead(&store, b"renewed").await;
        server.cli(&["CONFIG", "SET", "maxmemory", "1"]);

        let (_, found) = lead(&store, b"there").await;
        assert!(matches!(&found, Found::Hit(entry) if &entry.payload[..] == b"payload"), "{found:?}");
        let (_, found) = lead(&store, b"absent").await;
        assert!(matches!(found, Found::Absent), "{found:?}");
        let (_, found) = lead(&store, b"held").await;
        assert!(matches!(found, Found::Busy), "{found:?}");

        let error = fill(&store, b"held", held).await.expect_err("the server is full");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.to_string(), r#"redis fill "held": the server is full (OOM)"#);
        let lease = Lease { token: renewed, ttl: LEASE_TTL };
        assert_eq!(store.renew(b"renewed", lease).await.expect("an answer"), Verdict::Accepted);
        assert_eq!(store.release(b"renewed", renewed).await.expect("an answer"), Verdict::Accepted);
        let keys: [&[u8]; 3] = [b"there", b"held", b"absent"];
        assert_eq!(store.invalidate(&keys).await.expect("an answer"), 2);
        assert_eq!(server.cli(&["DBSIZE"]), "0");
    }
}

#[tokio::test]
async fn a_read_only_replica_is_read() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    put(&store, b"there").await;
    // No master is there, so the data stays as it is.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let (_, found) = lead(&store, b"there").await;
    assert!(matches!(&found, Found::Hit(entry) if entry.ttl_left.is_some()), "{found:?}");
    assert!(matches!(lead(&store, b"absent").await.1, Found::Absent));
    let error = store.invalidate(&[b"there"]).await.expect_err("it is read-only");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(store.invalidate(&[b"there"]).await.expect("an answer"), 1);
}

#[tokio::test]
async fn a_server_that_misses_its_replicas_is_read() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    put(&store, b"there").await;
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert!(matches!(lead(&store, b"there").await.1, Found::Hit(_)));
    assert!(matches!(lead(&store, b"absent").await.1, Found::Absent));
}

#[tokio::test]
async fn a_user_without_permission_fails_and_hits_nothing() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">secret", "~*", "+@connection"]);
    let url = format!("redis://cache:secret@127.0.0.1:{}", server.port());
    let store = RedisStore::connect(RedisConfig::new(url)).await.expect("a connection");
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("it is not permitted") };
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_server_before_redis_7_is_found_out_at_the_first_lookup() {
    let server = RedisServer::start();
    let store =
        RedisStore::connect(RedisConfig::new(proxy_of_redis_6(&server).await)).await.expect("a connection");
    put(&store, b"k").await;
    assert!(matches!(lead(&store, b"k").await.1, Found::Hit(_)));
    let (token, found) = lead(&store, b"other").await;
    assert!(matches!(found, Found::Lead), "{found:?}");
    assert!(matches!(lead(&store, b"other").await.1, Found::Busy));
    assert_eq!(store.release(b"other", token).await.expect("an answer"), Verdict::Accepted);
    assert!(matches!(read(&store, b"k").await, Found::Hit(_)));
    let info = server.cli(&["INFO", "commandstats"]);
    let sets = info.lines().find(|line| line.starts_with("cmdstat_set:")).expect("SET was called");
    assert!(sets.contains("failed_calls=1"), "it is found out once: {sets}");
}

/// A way to the server on which `SET … NX … GET` is the error of syntax that it was before 7.0.
async fn proxy_of_redis_6(server: &RedisServer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("redis://{}", listener.local_addr().expect("its number"));
    let port = server.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
            let (mut requests, mut to_client) = client.into_split();
            let (mut replies, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut replies, &mut to_client).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(count @ 1..) = requests.read(&mut bytes).await {
                    // The last option of a SET; as a command, GET has its number of arguments before it.
                    let (get, xx) = (b"60000\r\n$3\r\nGET\r\n", b"60000\r\n$2\r\nXX\r\n");
                    let _ = to_server.write_all(&replace(&bytes[..count], get, xx)).await;
                }
            });
        }
    });
    url
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let found = bytes[at..].starts_with(from);
        all.extend_from_slice(if found { to } else { &bytes[at..=at] });
        at += if found { from.len() } else { 1 };
    }
    all
}
