//! Two versions of a program on one Redis, and what each makes of what the other stores.

mod rolling;

use std::sync::atomic::{AtomicU64, Ordering};

use cachemacro::cache_result;
use tokio::task::JoinSet;

use super::connect;
use crate::support::{RedisServer, Source};

/// How many users there are, and how often each version asks for one.
const USERS: u64 = 20;
const CALLS: u64 = 1_000;

/// The old version.
mod before {
    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub(super) struct User {
        pub(super) id: u64,
        pub(super) age: u64,
        pub(super) score: u64,
    }

    pub(super) static LOADS: AtomicU64 = AtomicU64::new(0);

    #[cache_result(ttl = "1h", key = "deploy:user:<id>")]
    pub(super) async fn user(id: u64) -> User {
        LOADS.fetch_add(1, Ordering::Relaxed);
        User { id, age: 2 * id, score: 3 * id }
    }
}

#[cache_result(ttl = "1h", key = "deploy:negative:<id>", negative_ttl = "1h")]
async fn negative(id: u64) -> Option<u64> {
    (id > 0).then_some(id)
}

#[cache_result(ttl = "1h", key = "deploy:positive:<id>", skip(source))]
async fn positive(source: &Source, id: u64) -> Option<u64> {
    source.load().await;
    Some(id + 1)
}

#[tokio::test]
async fn what_the_attribute_of_today_would_not_have_stored_is_a_miss() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    for (round, id) in [0, 7].into_iter().enumerate() {
        cache.scope(negative(id)).await;
        assert!(cache.scope(negative::peek(id)).await.unwrap().is_some());
        let keys = [format!("deploy:negative:{id}"), format!("deploy:positive:{id}")];
        server.cli(&["COPY", &keys[0], &keys[1], "REPLACE"]);
        assert_eq!(cache.scope(positive(&source, id)).await, Some(id + 1));
        assert_eq!(source.loads(), round + 1);
    }
}

/// The new one. Two fields changed places: to bincode, the old bytes are a value of it, and a wrong one.
mod after {
    use super::*;

    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub(super) struct User {
        pub(super) id: u64,
        pub(super) score: u64,
        pub(super) age: u64,
    }

    pub(super) static LOADS: AtomicU64 = AtomicU64::new(0);

    /// In one process two functions with one key would refuse each other: this one's is moved.
    #[cache_result(ttl = "1h", key = "deploy:moved:<id>")]
    pub(super) async fn user(id: u64) -> User {
        LOADS.fetch_add(1, Ordering::Relaxed);
        User { id, age: 2 * id, score: 3 * id }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_changes_a_type_reads_misses_and_never_garbage() {
    let server = RedisServer::start();
    let (old, new) = (connect(&server).await, connect(&server).await);
    let mut calls = JoinSet::new();
    for round in 0..CALLS {
        let id = round % USERS;
        if round % 100 < USERS {
            // What the one version has stored is put where the other looks, in both directions.
            let keys = [format!("deploy:user:{id}"), format!("deploy:moved:{id}")];
            let [from, to] = if round % 200 < 100 { [&keys[0], &keys[1]] } else { [&keys[1], &keys[0]] };
            server.cli(&["COPY", from, to, "REPLACE"]);
        }
        let cache = old.clone();
        calls.spawn(async move {
            assert_eq!(cache.scope(before::user(id)).await, before::User { id, age: 2 * id, score: 3 * id });
        });
        let cache = new.clone();
        calls.spawn(async move {
            assert_eq!(cache.scope(after::user(id)).await, after::User { id, age: 2 * id, score: 3 * id });
        });
    }
    calls.join_all().await;
    let loads = before::LOADS.load(Ordering::Relaxed) + after::LOADS.load(Ordering::Relaxed);
    let copies = CALLS / 100 * USERS;
    println!("{} calls, {copies} values of the other version, {loads} loads", 2 * CALLS);
    assert!(loads >= 2 * USERS, "{loads}");
    // Each value of the other version is a miss; those who ask for it meanwhile may load too.
    assert!(loads <= 2 * USERS + 2 * copies, "{loads}");
}

#[cache_result(ttl = "1h", key = "deploy:as_json:<id>", codec = Json, value_bytes_max = "1KiB")]
async fn as_json(id: u64) -> before::User {
    before::User { id, age: 1, score: 2 }
}

#[cache_result(ttl = "1h", key = "deploy:large:<id>", skip(source), value_bytes_max = "100B")]
async fn large(source: &Source, id: u64) -> String {
    source.load().await;
    "x".repeat(usize::try_from(id).unwrap())
}

#[tokio::test]
async fn the_attribute_names_the_codec_and_the_bound() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    cache.scope(as_json(7)).await;
    assert!(server.cli(&["GET", "deploy:as_json:7"]).ends_with(r#"{"id":7,"age":1,"score":2}"#));
    let source = Source::open();
    for id in [10, 10, 200, 200] {
        assert_eq!(cache.scope(large(&source, id)).await.len() as u64, id);
    }
    assert_eq!(source.loads(), 3, "what is too large is not stored");
}

#[cache_result(ttl = "1h", key = "deploy:tagged:<id>", tags = ["deploy a:<id>"])]
async fn tagged(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "1h", key = "deploy:alike:<id>", tags = ["deploy a:<id>"], skip(source))]
async fn tagged_alike(source: &Source, id: u64) -> u64 {
    source.load().await + id
}

#[cache_result(ttl = "1h", key = "deploy:retagged:<id>", tags = ["deploy b:<id>"], skip(source))]
async fn retagged(source: &Source, id: u64) -> u64 {
    source.load().await + id
}

#[cache_result(ttl = "1h", key = "deploy:untagged:<id>", skip(source))]
async fn untagged(source: &Source, id: u64) -> u64 {
    source.load().await + id
}

#[tokio::test]
async fn what_is_stored_under_other_tags_than_those_of_today_is_a_miss() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    cache
        .scope(async {
            tagged(7).await;
            for name in ["alike", "retagged", "untagged"] {
                server.cli(&["COPY", "deploy:tagged:7", &format!("deploy:{name}:7")]);
            }
            assert_eq!(tagged_alike(&source, 7).await, 7, "what was copied can be read");
            assert_eq!((retagged(&source, 7).await, untagged(&source, 7).await), (8, 8));
            assert_eq!(source.loads(), 2);
        })
        .await;
}
