//! What lies under a key: our values, and what others wrote.

use cachemacro_runtime::store::redis::RedisStore;
use cachemacro_runtime::store::{Ask, Found, Lease, Store, Token, Verdict};

use super::{LEASE_TTL, config, connect, fill, lead, put, read};
use crate::support::RedisServer;

#[tokio::test]
async fn data_of_another_kind_is_left_alone() {
    let server = RedisServer::start();
    for before_redis_7 in [false, true] {
        let mut config = config(&server);
        config.before_redis_7 = before_redis_7;
        let store = RedisStore::connect(config).await.expect("a connection");
        server.cli(&["DEL", "list"]);
        server.cli(&["RPUSH", "list", "element"]);
        // One bad key does not fail the others.
        let lease = |token| Some(Lease { token, ttl: LEASE_TTL });
        let key = format!("beside {before_redis_7}").into_bytes();
        let asks = [
            Ask { key: b"list", lease: lease(Token::random()) },
            Ask { key: &key, lease: lease(Token::random()) },
            Ask { key: b"list", lease: None },
        ];
        let found = store.lookup(&asks).await;
        assert!(matches!(&found[..], [Found::OtherKind, Found::Lead, Found::OtherKind]), "{found:?}");
        let token = Token::random();
        assert_eq!(fill(&store, b"list", token).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.release(b"list", token).await.expect("an answer"), Verdict::Refused);
        let renewal = Lease { token, ttl: LEASE_TTL };
        assert_eq!(store.renew(b"list", renewal).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.invalidate(&[b"list"]).await.expect("an answer"), 0);
        assert_eq!(server.cli(&["LRANGE", "list", "0", "-1"]), "element");
        assert_eq!(server.cli(&["PTTL", "list"]), "-1");
    }
}

#[tokio::test]
async fn a_foreign_string_is_told_and_an_invalidation_removes_it() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for text in [
        "foreign",
        "",
        "V",
        "Lost",
        "Goodbye",
        "Gallia est omnis divisa in partes tres, quarum",
        "a string that is longer than any head",
    ] {
        server.cli(&["SET", "k", text]);
        assert!(matches!(lead(&store, b"k").await.1, Found::Foreign), "{text}");
        assert!(matches!(read(&store, b"k").await, Found::Foreign), "{text}");
        assert_eq!(fill(&store, b"k", Token::random()).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.invalidate(&[b"k"]).await.expect("an answer"), 1, "{text}");
        assert!(matches!(read(&store, b"k").await, Found::Absent), "{text}");
    }
}

#[tokio::test]
async fn a_value_says_when_it_was_filled_by_the_servers_clock() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let now_ms = || -> u64 {
        let time = server.cli(&["TIME"]);
        let (seconds, micros) = time.split_once('\n').expect("two numbers");
        seconds.parse::<u64>().expect("seconds") * 1000 + micros.parse::<u64>().expect("microseconds") / 1000
    };
    let before = now_ms();
    put(&store, b"k").await;
    let script =
        "return string.format('%.0f', (struct.unpack('>I8', redis.call('GETRANGE', KEYS[1], 17, 24))))";
    let filled_at: u64 = server.cli(&["EVAL", script, "1", "k"]).parse().expect("a time");
    assert!((before..=now_ms()).contains(&filled_at), "{filled_at}");
}
