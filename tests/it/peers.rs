//! What goes wrong in other cache libraries, as far as this crate does the same things. Each test is
//! one of their defects.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, Clock, cache_result};
use tokio::task::JoinSet;

use crate::support::{RedisServer, Source, eventually};

#[cache_result(ttl = "1h", skip(source))]
async fn number(source: &Source) -> u64 {
    source.load().await
}

#[tokio::test]
async fn a_failed_store_neither_discards_the_value_nor_returns_an_error() {
    let mut server = RedisServer::start();
    let cache = server.cache().await;
    let source = Arc::new(Source::held());
    let (in_task, source_in_task) = (cache.clone(), Arc::clone(&source));
    let mut calls = JoinSet::new();
    calls.spawn(async move { in_task.scope(number(&source_in_task)).await });
    eventually("the body runs", async || source.loads() == 1).await;
    // It has looked up; it cannot store.
    server.kill();
    source.let_go(1);
    assert_eq!(calls.join_all().await, [1]);
}

#[tokio::test]
async fn functions_of_one_name_in_two_modules_do_not_share_keys() {
    mod one {
        #[cachemacro::cache_result(ttl = "1h")]
        pub(super) async fn lookup(id: u64) -> u64 {
            id + 1
        }
    }
    mod two {
        #[cachemacro::cache_result(ttl = "1h")]
        pub(super) async fn lookup(id: u64) -> u64 {
            id + 2
        }
    }
    Cache::memory()
        .scope(async {
            assert_eq!((one::lookup(1).await, two::lookup(1).await), (2, 3));
            assert_eq!((one::lookup(1).await, two::lookup(1).await), (2, 3));
        })
        .await;
}

#[tokio::test]
async fn none_and_an_empty_text_are_two_keys() {
    #[cache_result(ttl = "1h")]
    async fn greet(name: Option<&str>) -> String {
        name.map_or("nobody".to_owned(), |name| format!("hello {name}"))
    }
    Cache::memory()
        .scope(async {
            assert_eq!(greet(None).await, "nobody");
            assert_eq!(greet(Some("")).await, "hello ");
            assert_eq!(greet(Some("None")).await, "hello None");
            assert_eq!(greet(None).await, "nobody");
        })
        .await;
}

#[tokio::test]
async fn a_ttl_of_less_than_a_second_expires() {
    #[cache_result(ttl = "1ms", skip(source))]
    async fn brief(source: &Source) -> u64 {
        source.load().await
    }
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let source = Source::open();
    cache
        .scope(async {
            brief(&source).await;
            brief(&source).await;
            clock.advance(Duration::from_millis(1));
            brief(&source).await;
        })
        .await;
    assert_eq!(source.loads(), 2);
    let server = RedisServer::start();
    let cache = server.cache().await;
    cache.scope(brief(&source)).await;
    eventually("Redis has expired it", async || server.cli(&["DBSIZE"]) == "0").await;
}

#[tokio::test]
async fn waiters_neither_hang_nor_stampede_when_the_leader_is_cancelled() {
    let (cache, source) = (Cache::memory(), Arc::new(Source::held()));
    let spawn = |calls: &mut JoinSet<u64>| {
        let (cache, source) = (cache.clone(), Arc::clone(&source));
        calls.spawn(async move { cache.scope(number(&source)).await });
    };
    let (mut leader, mut waiters) = (JoinSet::new(), JoinSet::new());
    spawn(&mut leader);
    eventually("the first load begins", async || source.loads() == 1).await;
    (0..50).for_each(|_| spawn(&mut waiters));
    tokio::task::yield_now().await;
    leader.shutdown().await;
    source.let_go(50);
    assert_eq!(waiters.join_all().await, [1; 50]);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn an_early_return_is_stored() {
    #[cache_result(ttl = "1h", skip(source))]
    async fn early(source: &Source, early: bool) -> Result<u64, std::fmt::Error> {
        let value = source.load().await;
        if early {
            return Ok(value);
        }
        Err(std::fmt::Error)?
    }
    let source = Source::open();
    Cache::memory()
        .scope(async {
            assert_eq!(early(&source, true).await, Ok(1));
            assert_eq!(early(&source, true).await, Ok(1));
        })
        .await;
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn a_type_that_hides_itself_from_debug_makes_keys_that_differ() {
    use cachemacro::{KeyArg, KeyBuf, KeyPart};

    #[derive(Clone, Copy)]
    struct Secret(u64);
    impl std::fmt::Debug for Secret {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Secret(…)")
        }
    }
    impl KeyPart for Secret {
        type Form = Self;
        fn write(&self, key: &mut KeyBuf) {
            self.0.write(key);
        }
    }
    impl KeyArg<Secret> for Secret {}

    #[cache_result(ttl = "1h")]
    async fn reveal(secret: Secret) -> u64 {
        secret.0
    }
    Cache::memory()
        .scope(async {
            assert_eq!(format!("{:?}", Secret(1)), format!("{:?}", Secret(2)));
            assert_eq!((reveal(Secret(1)).await, reveal(Secret(2)).await), (1, 2));
        })
        .await;
}

/// `get("a", "b")` and `get("a,b", "")`, and everything else that a separator could be smuggled with.
#[tokio::test]
async fn no_text_can_reach_another_ones_entry() {
    #[cache_result(ttl = "1h", key = "smuggle:<left>:<right>")]
    async fn pair(left: &str, right: &str) -> (String, String) {
        (left.to_owned(), right.to_owned())
    }
    let parts =
        ["", "a", ":", "a:", ":a", "%", "%3A", "a%3A", "<none>", "[", "]", "[a,b]", ",", "*", "\n", " ", "é"];
    let mut keys = HashSet::new();
    let cache = Cache::memory();
    for left in parts {
        for right in parts {
            assert!(
                keys.insert(pair::key(left, right)),
                "{left:?} and {right:?} make a key that is there already"
            );
            let expected = (left.to_owned(), right.to_owned());
            assert_eq!(cache.scope(pair(left, right)).await, expected);
            assert_eq!(cache.scope(pair(left, right)).await, expected);
        }
    }
}
