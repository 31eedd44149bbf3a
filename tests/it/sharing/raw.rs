//! Keys that programs in other languages read and write too.

use std::process::Command;
use std::time::Duration;

use cachemacro::{Cache, Error, ErrorKind, cache_put, cache_result, invalidates};
use serde::{Deserialize, Serialize};

use super::connect;
use crate::support::{RedisServer, Source, eventually};

const KEY: &str = "raw:user:7";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    teams: Vec<u64>,
    manager: Option<u64>,
}

fn user_of(number: u64) -> User {
    User { name: format!("user {number}"), teams: vec![number, number], manager: None }
}

#[cache_result(ttl = "1h", key = "raw:user:<id>", codec = Raw<Json>, skip(source))]
async fn user(source: &Source, id: u64) -> User {
    let _ = id;
    user_of(source.load().await)
}

async fn read(cache: &Cache, source: &Source) -> User {
    cache.scope(user(source, 7)).await
}

/// Runs the other program.
fn python(server: &RedisServer, args: &[&str]) -> String {
    let run = Command::new("python3")
        .args(["-c", include_str!("programs/other.py"), &server.port().to_string()])
        .args(args)
        .output()
        .expect("python3 runs; `.ci/run` installs Debian's package of that name");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().to_owned()
}

#[tokio::test]
async fn a_python_program_reads_and_writes_the_key_of_a_function() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    assert_eq!(read(&cache, &source).await, user_of(1));
    assert_eq!(server.cli(&["GET", KEY]), r#"{"name":"user 1","teams":[1,1],"manager":null}"#);
    let left: u64 = server.cli(&["PTTL", KEY]).parse().unwrap();
    assert!((3_600_000 * 94 / 100..=3_600_000).contains(&left), "{left} ms are left");
    assert_eq!(python(&server, &["read", KEY]), "user 1 2 None");

    python(&server, &["write", KEY, r#"{"manager": 3, "teams": [], "name": "J\u00f6rg", "more": 1}"#]);
    let theirs = User { name: "J\u{f6}rg".to_owned(), teams: vec![], manager: Some(3) };
    assert_eq!(read(&cache, &source).await, theirs);
    let peek = cache.scope(user::peek(7_u64)).await.unwrap().expect("it is stored");
    assert_eq!(peek.value, theirs);
    assert!(peek.ttl_left <= Duration::from_secs(60), "{:?}", peek.ttl_left);
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn what_does_not_decode_is_a_miss_and_is_replaced() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    let lease = [b"L".as_slice(), &[7; 16]].concat();
    let value = [b"V".as_slice(), &[7; 32], br#"{"name":"old","teams":[],"manager":null}"#].concat();
    let guards = [b"G\x01\0\0\x01".as_slice(), &[0; 8], &[0xff; 24]].concat();
    let strings: [&[u8]; 9] = [
        &lease,
        &value,
        &guards,
        b"",
        b"\xff\xfe\x00",
        b"42",
        br#"{"name":"cut"#,
        br#"{"name":"more","teams":[],"manager":null} "x""#,
        &[b'['; 100_000],
    ];
    for (round, string) in strings.iter().enumerate() {
        server.cli_bytes(&[b"SET", KEY.as_bytes(), string]);
        let expected = round as u64 + 10;
        source.write(expected);
        assert_eq!(read(&cache, &source).await, user_of(expected), "{round} is not returned");
        source.write(0);
        assert_eq!(read(&cache, &source).await, user_of(expected), "{round} is replaced");
    }
    server.cli(&["SETRANGE", KEY, "9000000", "x"]);
    source.write(5);
    assert_eq!(read(&cache, &source).await, user_of(5), "what is too long is not read");
    assert!(server.cli(&["GET", KEY]).starts_with('{'));
}

#[tokio::test]
async fn data_of_another_kind_is_left_alone() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    server.cli(&["RPUSH", KEY, "a"]);
    assert_eq!(read(&cache, &source).await, user_of(1));
    assert_eq!(server.cli(&["LLEN", KEY]), "1");
    let error = cache.scope(user::peek(7_u64)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
}

#[tokio::test]
async fn callers_in_one_process_share_a_load() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = std::sync::Arc::new(Source::held());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { read(&cache, &source).await })
        })
        .collect();
    eventually("the body runs", || async { source.loads() == 1 }).await;
    source.let_go(1);
    for call in calls {
        assert_eq!(call.await.unwrap(), user_of(1));
    }
    // A caller that came after the body had begun reads what it stored.
    assert_eq!(source.loads(), 1);
}

#[invalidates(user(id))]
async fn by_function(server: &RedisServer, id: u64) -> String {
    let _ = id;
    server.cli(&["GET", KEY])
}

#[invalidates(key = "raw:user:<id>")]
async fn by_key(server: &RedisServer, id: u64) -> String {
    let _ = id;
    server.cli(&["GET", KEY])
}

#[invalidates(user(id), guard = required)]
async fn required(id: u64) -> Result<(), Error> {
    panic!("it does not run for {id}");
}

#[cache_put(user(id), ttl = "1h")]
async fn put(server: Option<&RedisServer>, id: u64) -> User {
    if let Some(server) = server {
        assert!(server.cli(&["GET", KEY]).starts_with('{'), "no guard stands while it is put");
    }
    user_of(id)
}

#[tokio::test]
async fn mutations_arm_no_guard_that_the_other_program_would_read() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    for round in 0..3 {
        read(&cache, &source).await;
        let during = cache.scope(async {
            match round {
                0 => by_function(&server, 7).await,
                1 => by_key(&server, 7).await,
                _ => {
                    put(Some(&server), 7).await;
                    "{".to_owned()
                }
            }
        });
        assert!(during.await.starts_with('{'), "{round}");
        assert_eq!(server.cli(&["EXISTS", KEY]), "0", "{round}");
    }
    read(&cache, &source).await;
    let error = cache.scope(required(7)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("leave `guard = required` out"), "{error}");
    assert_eq!(cache.scope(user::refresh(&source, 7)).await, user_of(1));
    assert_eq!(python(&server, &["read", KEY]), "user 1 2 None");
}

#[tokio::test]
async fn warming_and_patterns_take_in_raw_keys() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    let warmed = cache.scope(user::warm([7_u64, 7], 1, |id| user(&source, id)).into_future()).await;
    assert_eq!((warmed.loaded, warmed.skipped), (1, 1));
    cache.invalidate_pattern("raw:user:*").await.unwrap();
    assert_eq!(server.cli(&["EXISTS", KEY]), "0");
}

#[tokio::test]
async fn an_outage_costs_a_delay_and_no_error() {
    let mut server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    server.kill();
    assert_eq!(read(&cache, &source).await, user_of(1));
    assert_eq!(read(&cache, &source).await, user_of(1));
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn without_a_store_there_is_nothing_raw() {
    let cache = Cache::memory();
    let source = Source::open();
    assert_eq!(read(&cache, &source).await, user_of(1));
    assert_eq!(cache.scope(put(None, 7)).await, user_of(7));
    assert_eq!(read(&cache, &source).await, user_of(7));
    assert_eq!(source.loads(), 1);
}
