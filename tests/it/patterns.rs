//! Invalidation of all keys that match, in this process and on Redis alike.

use std::sync::Arc;

use cachemacro::{Cache, ErrorKind, cache_result, invalidates};

use crate::guarding::poll;
use crate::support::{RedisServer, Source, eventually};

#[cache_result(ttl = "1h", key = "tasks:<owner>:<page>", skip(source))]
async fn tasks(source: &Source, owner: &str, page: Option<u32>) -> u64 {
    let _ = (owner, page);
    source.load().await
}

#[cache_result(ttl = "1h", key = "boards:<teams>:<page>", skip(source))]
async fn boards(source: &Source, teams: &[u64], page: u32) -> u64 {
    let _ = (teams, page);
    source.load().await
}

#[cache_result(ttl = "1h", key = "tasks:<owner>/open", tier = local, skip(source))]
async fn open_tasks(source: &Source, owner: &str) -> u64 {
    let _ = owner;
    source.load().await
}

struct Added {
    owner: String,
}

#[invalidates(pattern = "tasks:<result.owner>:*", pattern = "boards:<teams>:*")]
async fn add_task(source: &Source, owner: String, teams: Vec<u64>, value: u64) -> Added {
    source.write(value);
    drop(teams);
    Added { owner }
}

#[invalidates(pattern = "tasks:<owner>*")]
async fn add_and_hang(source: &Source, owner: &str, value: u64) {
    let _ = owner;
    source.write(value);
    std::future::pending::<()>().await;
}

/// Runs a test on both kinds of cache.
async fn on_each(test: impl AsyncFn(&Cache)) {
    test(&Cache::memory()).await;
    let server = RedisServer::start();
    test(&server.cache().await).await;
}

async fn list(cache: &Cache, source: &Source, owner: &str) -> u64 {
    cache.scope(tasks(source, owner, None)).await
}

#[tokio::test]
async fn what_matches_goes_and_nothing_else() {
    on_each(async |cache| {
        let source = Source::open();
        for owner in ["ann", "anna", "a*"] {
            assert_eq!(list(cache, &source, owner).await, 1);
        }
        source.write(2);
        let swept = cache.invalidate_pattern("tasks:ann:*").await.expect("it is done");
        assert_eq!((swept.keys, swept.removed), (1, 1));
        assert_eq!(list(cache, &source, "ann").await, 2);
        assert_eq!(list(cache, &source, "anna").await, 1);
        cache.invalidate_pattern(r"tasks:a\*:*").await.expect("it is done");
        assert_eq!(list(cache, &source, "a*").await, 1, "a key has it escaped");
        cache.invalidate_pattern("tasks:a*").await.expect("it is done");
        for owner in ["ann", "anna", "a*"] {
            assert_eq!(list(cache, &source, owner).await, 2);
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_that_is_under_way_is_not_stored() {
    on_each(async |cache| {
        let source = Arc::new(Source::held());
        let load = tokio::spawn({
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            async move { list(&cache, &source, "ann").await }
        });
        eventually("it loads", async || source.loads() == 1).await;
        source.write(2);
        let swept = cache.invalidate_pattern("tasks:*").await.expect("it is done");
        assert_eq!(swept.keys, 1, "its lease is a key");
        source.let_go(2);
        assert_eq!(load.await.expect("no panic"), 1);
        assert_eq!(list(cache, &source, "ann").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_mutation_writes_its_arguments_literally() {
    on_each(async |cache| {
        let source = Source::open();
        let pages = async |teams: &[u64]| {
            let first = cache.scope(boards(&source, teams, 1)).await;
            assert_eq!(cache.scope(boards(&source, teams, 2)).await, first);
            first
        };
        assert_eq!((pages(&[1, 2]).await, pages(&[1]).await, list(cache, &source, "ann").await), (1, 1, 1));
        cache.scope(add_task(&source, "ann".to_owned(), vec![1, 2], 2)).await;
        assert_eq!((pages(&[1, 2]).await, pages(&[1]).await, list(cache, &source, "ann").await), (2, 1, 2));
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_is_dropped_invalidates_all_the_same() {
    on_each(async |cache| {
        let source = Source::open();
        assert_eq!(list(cache, &source, "ann").await, 1);
        {
            let mut mutation = Box::pin(cache.scope(add_and_hang(&source, "ann", 2)));
            assert!(!poll(mutation.as_mut()));
        }
        assert_eq!(list(cache, &source, "ann").await, 2, "here at once");
        eventually("it is done", async || cache.status().undelivered == 0).await;
        assert_eq!(list(cache, &source, "ann").await, 2);
    })
    .await;
}

#[tokio::test]
async fn values_that_never_leave_the_process_go_too() {
    on_each(async |cache| {
        let source = Source::open();
        assert_eq!(cache.scope(open_tasks(&source, "ann")).await, 1);
        source.write(2);
        assert_eq!(cache.invalidate_pattern("tasks:ann/*").await.expect("it is done").removed, 1);
        assert_eq!(cache.scope(open_tasks(&source, "ann")).await, 2);
    })
    .await;
}

#[tokio::test]
async fn progress_is_told_page_by_page() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    for page in 0..2_500 {
        cache.scope(tasks(&source, "ann", Some(page))).await;
    }
    let mut told = Vec::new();
    let swept = cache.invalidate_pattern_with("tasks:ann:*", |so_far| told.push(so_far)).await;
    let swept = swept.expect("it is done");
    assert_eq!((swept.keys, swept.removed), (2_500, 2_500));
    assert!(swept.pages > 1 && told.len() as u64 == swept.pages, "{swept:?}");
    assert_eq!(told.last(), Some(&swept));
    assert!(told.is_sorted_by_key(|so_far| so_far.keys));
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

/// It comes back with what it had, and hashes keys by another seed: the cursor means nothing to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_started_anew_between_two_pages_is_scanned_from_the_start() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes"]);
    let cache = server.cache().await;
    let source = Source::open();
    for page in 0..2_500 {
        cache.scope(tasks(&source, "ann", Some(page))).await;
    }
    let mut restarts = 0;
    let is_back = async || {
        for page in 0..16 {
            if cache.scope(tasks::peek("bob", Some(page))).await.is_err() {
                return false;
            }
        }
        true
    };
    let progress = |_| {
        if restarts == 0 {
            restarts += 1;
            server.restart();
            let back = eventually("each connection is there again", is_back);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(back));
        }
    };
    let swept = cache.invalidate_pattern_with("tasks:ann:*", progress).await.expect("it is done");
    assert_eq!((restarts, swept.removed), (1, 2_500), "each once");
    assert!(swept.keys >= 2_500, "those that were listed again count again: {swept:?}");
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

#[tokio::test]
async fn what_others_wrote_is_left_alone() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    assert_eq!(list(&cache, &source, "ann").await, 1);
    let texts =
        ["Verse one of a song, that is longer than any head could be", "L", "Lease of sixteen b", "G1", ""];
    for (at, text) in texts.iter().enumerate() {
        server.cli(&["SET", &format!("tasks:text:{at}"), text]);
    }
    server.cli(&["RPUSH", "tasks:list", "element"]);
    let swept = cache.invalidate_pattern("tasks:*").await.expect("it is done");
    assert_eq!((swept.keys, swept.removed), (texts.len() as u64 + 2, 1));
    assert_eq!(server.cli(&["DBSIZE"]), (texts.len() + 1).to_string());
}

#[tokio::test]
async fn what_could_not_be_done_is_done_later_and_not_read_until_then() {
    let server = RedisServer::start();
    let (here, elsewhere) = (server.cache().await, server.cache().await);
    let source = Source::open();
    assert_eq!((list(&here, &source, "ann").await, list(&here, &source, "bob").await), (1, 1));
    source.write(2);
    server.cli(&["ACL", "SETUSER", "default", "-scan"]);
    let error = here.invalidate_pattern("tasks:a*").await.expect_err("it cannot be done");
    assert_ne!(error.kind(), ErrorKind::Config);
    assert_eq!(here.status().undelivered, 1);
    assert_eq!(
        list(&here, &source, "ann").await,
        2,
        "this process does not read what it could not invalidate"
    );
    assert_eq!(list(&here, &source, "bob").await, 1, "and reads the rest");
    server.cli(&["ACL", "SETUSER", "default", "+@all"]);
    eventually("it is done", async || here.status().undelivered == 0).await;
    assert_eq!(list(&elsewhere, &source, "ann").await, 2);
}
