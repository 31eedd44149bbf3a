//! What is in Redis, and what is made of what should not be.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, ErrorKind, TierName, cache_result};
use tokio::task::JoinSet;

use super::{connect, number, read, write};
use crate::support::{RedisServer, Source, eventually};

#[tokio::test]
async fn a_second_process_starts_warm_and_sees_the_mutations_of_the_first() {
    let server = RedisServer::start();
    let (first, second) = (connect(&server).await, connect(&server).await);
    let source = Arc::new(Source::open());
    assert_eq!(read(&first, &source).await, 1);
    assert_eq!(read(&second, &source).await, 1);
    assert_eq!(source.loads(), 1, "the second reads what the first has stored");
    first.scope(write(&source, 7, 2)).await.unwrap();
    assert_eq!(read(&second, &source).await, 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn keys_are_exactly_what_the_templates_say() {
    #[cache_result(ttl = "1h", key = "{tenant:<tenant>}:search:<text>:<tags>", skip(source))]
    async fn search(source: &Source, tenant: u32, text: &str, tags: &[&str]) -> u64 {
        let _ = (tenant, text, tags);
        source.load().await
    }
    #[cache_result(ttl = "1h", skip(source))]
    async fn by_path(source: &Source, id: Option<u64>) -> u64 {
        let _ = id;
        source.load().await
    }
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    cache
        .scope(async {
            search(&source, 5, "blue: sky", &["a", "b,c"]).await;
            by_path(&source, None).await;
            number(&source, 42).await;
        })
        .await;
    let mut keys: Vec<String> = server.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "it::sharing::contents::by_path:<none>",
            "sharing:number:42",
            "{tenant:5}:search:blue%3A%20sky:[a,b%2Cc]"
        ]
    );
    assert_eq!(search::key(5_u32, "blue: sky", ["a", "b,c"]).as_str(), keys[2]);
}

#[tokio::test]
async fn a_stored_value_has_its_ttl_less_the_jitter() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    read(&cache, &Arc::new(Source::open())).await;
    let left: u64 = server.cli(&["PTTL", "sharing:number:7"]).parse().unwrap();
    assert!((3_600_000 * 94 / 100..=3_600_000).contains(&left), "{left} ms are left");
    let peek = cache.scope(number::peek(7_u64)).await.unwrap().expect("it is stored");
    assert_eq!((peek.value, peek.tier), (1, TierName::Shared));
    assert!(peek.ttl_left.as_millis() <= u128::from(left));
}

#[tokio::test]
async fn what_is_not_a_value_of_ours_is_replaced_and_never_returned() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    let stored = server.cli(&["GET", "sharing:number:7"]);
    assert!(!stored.is_empty());
    let corruptions: &[&[&str]] = &[
        &["SET", "sharing:number:7", "42"],
        &["SET", "sharing:number:7", ""],
        &["SET", "sharing:number:7", "V0123456789abcdef"],
        &["SETRANGE", "sharing:number:7", "40", "damaged"],
        &["APPEND", "sharing:number:7", "more"],
    ];
    for (round, corruption) in corruptions.iter().enumerate() {
        server.cli(corruption);
        let expected = round as u64 + 10;
        source.write(expected);
        assert_eq!(read(&cache, &source).await, expected, "{corruption:?} is not returned");
        source.write(0);
        assert_eq!(read(&cache, &source).await, expected, "after {corruption:?} it is stored anew");
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_replaced() {
    /// The same template in another build of the program, with another type.
    mod other_build {
        use crate::support::Source;
        use cachemacro::cache_result;

        #[cache_result(ttl = "1h", key = "sharing:retyped:<id>", skip(source))]
        pub(super) async fn retyped(source: &Source, id: u64) -> String {
            format!("{}", source.load().await + id)
        }
    }
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    read(&cache, &source).await;
    cache.scope(other_build::retyped(&source, 1)).await;
    // What the one build has stored is put where the other looks.
    server.cli(&["COPY", "sharing:retyped:1", "sharing:number:7", "REPLACE"]);
    source.write(5);
    assert_eq!(read(&cache, &source).await, 5);
}

#[tokio::test]
async fn data_of_another_kind_is_left_alone_and_the_body_runs() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    server.cli(&["RPUSH", "sharing:number:7", "a", "b"]);
    assert_eq!(read(&cache, &source).await, 1);
    assert_eq!(read(&cache, &source).await, 1);
    cache.scope(number::invalidate(7_u64)).await.unwrap();
    assert_eq!(source.loads(), 2);
    assert_eq!(server.cli(&["LLEN", "sharing:number:7"]), "2");
    let error = cache.scope(number::peek(7_u64)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_concurrent_calls_run_one_body_and_with_the_leader_dropped_two() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::held());
    let spawn = |calls: &mut JoinSet<u64>| {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { read(&cache, &source).await });
    };
    let mut leader = JoinSet::new();
    spawn(&mut leader);
    eventually("the first load begins", async || source.loads() == 1).await;
    let mut calls = JoinSet::new();
    for _ in 0..10_000 {
        spawn(&mut calls);
    }
    leader.shutdown().await;
    eventually("the second load begins", async || source.loads() == 2).await;
    source.let_go(10_000);
    assert!(calls.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(source.loads(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_run_one_body_between_them() {
    let server = RedisServer::start();
    let (first, second) = (connect(&server).await, connect(&server).await);
    let source = Arc::new(Source::held());
    let mut calls = JoinSet::new();
    for cache in [&first, &second] {
        for _ in 0..100 {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            calls.spawn(async move { read(&cache, &source).await });
        }
    }
    eventually("a load begins", async || source.loads() == 1).await;
    source.let_go(200);
    assert!(calls.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn calls_that_are_dropped_leave_no_lease_behind() {
    let server = RedisServer::start();
    // Longer than the test: a lease that stays behind is not mistaken for one that was released.
    let cache = Cache::builder().url(server.url()).lease(Duration::from_secs(3600)).build().await.unwrap();
    let source = Arc::new(Source::held());
    for id in 0..200 {
        let mut call = Box::pin(cache.scope(number(&source, id)));
        std::future::poll_fn(|context| {
            assert!(call.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
    }
    eventually("all leases are released", async || server.cli(&["DBSIZE"]) == "0").await;
}

#[tokio::test]
async fn a_fill_that_an_invalidation_of_another_process_overtakes_is_refused() {
    let server = RedisServer::start();
    let (first, second) = (connect(&server).await, connect(&server).await);
    let source = Arc::new(Source::held());
    let mut load = JoinSet::new();
    let (cache, in_task) = (first.clone(), Arc::clone(&source));
    load.spawn(async move { read(&cache, &in_task).await });
    eventually("the load begins", async || source.loads() == 1).await;
    second.scope(write(&source, 7, 2)).await.unwrap();
    source.let_go(2);
    assert_eq!(load.join_all().await, [1], "it began before the write");
    assert_eq!(read(&first, &source).await, 2);
    assert_eq!(read(&second, &source).await, 2);
}

#[tokio::test]
async fn the_status_names_the_store_and_holds_no_url() {
    let server = RedisServer::start();
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port());
    server.cli(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let cache = Cache::connect(&url).await.unwrap();
    let text = format!("{} {cache:?} {:?}", cache.status(), Cache::builder().url(&url));
    assert!(text.contains("store: redis"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("127.0.0.1"), "{text}");
}
