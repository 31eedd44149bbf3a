//! Invalidation by tag and by group, in this process and on Redis alike.

use std::sync::{Arc, Mutex};

use cachemacro::{Cache, Cause, Subject, cache_result, invalidates};

use crate::guarding::{LONG, Shared, die_in};
#[cfg(feature = "redis")]
use crate::support::RedisServer;
use crate::support::{Source, eventually};

#[cfg(feature = "redis")]
mod commands;
#[cfg(feature = "redis")]
mod near;
mod over_value;

#[cache_result(ttl = "1h", key = "tags:<team>:<page>", tags = ["tags team:<team>", "tags"], skip(source))]
async fn tasks(source: &Source, team: &str, page: u32) -> u64 {
    let _ = (team, page);
    source.load().await
}

#[cache_result(
    ttl = "1h",
    key = "tags groups:<owner>:<state>:<page>",
    groups(owner, (owner, state)),
    skip(source)
)]
async fn list(source: &Source, owner: u64, state: &str, page: u32) -> u64 {
    let _ = (owner, state, page);
    source.load().await
}

#[cache_result(ttl = "1h", key = "tags here:<team>", tags = ["tags team:<team>"], tier = local, skip(source))]
async fn open_tasks(source: &Source, team: &str) -> u64 {
    let _ = team;
    source.load().await
}

#[cache_result(ttl = "1h", key = "tags plain:<team>", tags = ["tags team:<team>"], tier = local, skip(loads))]
fn plain(loads: &Mutex<u64>, team: &str) -> u64 {
    let _ = team;
    let mut loads = loads.lock().unwrap();
    *loads += 1;
    *loads
}

struct Moved {
    team: String,
}

#[invalidates(tag = "tags team:<team>")]
async fn change(source: &Source, team: &str, value: u64) {
    source.write(value);
}

#[invalidates(tag = "tags team:<team>", tag = "tags team:<result.team>")]
async fn move_task(source: &Source, team: String, to: &str, value: u64) -> Moved {
    source.write(value);
    drop(team);
    Moved { team: to.to_owned() }
}

#[invalidates(tag = "tags team:<team>")]
async fn change_and_hang(source: &Source, team: &str, value: u64) {
    source.write(value);
    std::future::pending::<()>().await;
}

#[invalidates(list(owner, ..))]
async fn change_all_of(source: &Source, owner: u64, value: u64) {
    source.write(value);
}

#[invalidates(list(owner, "open", ..))]
async fn change_open_of(source: &Source, owner: u64, value: u64) {
    source.write(value);
}

/// Runs a test on each kind of cache.
async fn on_each(test: impl AsyncFn(&Cache)) {
    test(&Cache::memory()).await;
    test(&Shared::new().await.here).await;
    #[cfg(feature = "redis")]
    {
        let server = RedisServer::start();
        test(&server.cache().await).await;
    }
}

async fn read(cache: &Cache, source: &Source, team: &str, page: u32) -> u64 {
    cache.scope(tasks(source, team, page)).await
}

#[tokio::test]
async fn a_tag_takes_all_that_is_under_it_and_nothing_else() {
    on_each(async |cache| {
        let source = Source::open();
        for team in ["red", "blue", "a:b"] {
            for page in 0..3 {
                assert_eq!(read(cache, &source, team, page).await, 1);
            }
        }
        source.write(2);
        cache.invalidate_tag("tags team:red").await.expect("it is taken");
        for page in 0..3 {
            assert_eq!(read(cache, &source, "red", page).await, 2);
            assert_eq!(read(cache, &source, "red", page).await, 2);
            assert_eq!(read(cache, &source, "blue", page).await, 1);
        }
        assert_eq!(source.loads(), 12, "each was loaded again once");
        cache.invalidate_tag("tags team:a%3Ab").await.expect("it is taken");
        assert_eq!(read(cache, &source, "a:b", 0).await, 2, "a tag is written as a key is");
        cache.invalidate_tag("tags").await.expect("it is taken");
        source.write(3);
        assert_eq!((read(cache, &source, "red", 0).await, read(cache, &source, "blue", 0).await), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_is_not_served_after() {
    on_each(async |cache| {
        let source = Arc::new(Source::held());
        let started = |expected| {
            let source = Arc::clone(&source);
            async move { eventually("it loads", async || source.loads() == expected).await }
        };
        let call = || {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            tokio::spawn(async move { read(&cache, &source, "red", 0).await })
        };
        let before = call();
        started(1).await;
        cache.scope(change(&source, "red", 2)).await;
        let after = call();
        tokio::task::yield_now().await;
        source.let_go(8);
        assert_eq!(before.await.expect("no panic"), 1);
        assert_eq!(after.await.expect("no panic"), 2, "who came after does not share that load");
        assert_eq!(read(cache, &source, "red", 0).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_mutation_names_tags_by_its_arguments_and_its_result() {
    on_each(async |cache| {
        let source = Source::open();
        for team in ["red", "blue", "green"] {
            assert_eq!(read(cache, &source, team, 0).await, 1);
        }
        cache.scope(move_task(&source, "red".to_owned(), "blue", 2)).await;
        let teams = async |team| read(cache, &source, team, 0).await;
        assert_eq!((teams("red").await, teams("blue").await, teams("green").await), (2, 2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_group_is_a_part_of_the_arguments() {
    on_each(async |cache| {
        let source = Source::open();
        let of = async |owner, state| {
            let first = cache.scope(list(&source, owner, state, 1)).await;
            assert_eq!(cache.scope(list(&source, owner, state, 2)).await, first);
            first
        };
        assert_eq!((of(7, "open").await, of(7, "done").await, of(8, "open").await), (1, 1, 1));
        cache.scope(change_open_of(&source, 7, 2)).await;
        assert_eq!((of(7, "open").await, of(7, "done").await, of(8, "open").await), (2, 1, 1));
        cache.scope(change_all_of(&source, 7, 3)).await;
        assert_eq!((of(7, "open").await, of(7, "done").await, of(8, "open").await), (3, 3, 1));
        source.write(4);
        cache.scope(list::invalidate_by_owner(8_u64)).await.expect("it is taken");
        cache.scope(list::invalidate_by_owner_and_state(7_u64, "done")).await.expect("it is taken");
        assert_eq!((of(7, "open").await, of(7, "done").await, of(8, "open").await), (3, 4, 4));
    })
    .await;
}

#[tokio::test]
async fn what_is_in_this_process_alone_has_tags_too() {
    on_each(async |cache| {
        let (source, loads) = (Source::open(), Mutex::new(0));
        let both = async || {
            (cache.scope(open_tasks(&source, "red")).await, cache.scope(async { plain(&loads, "red") }).await)
        };
        assert_eq!(both().await, (1, 1));
        assert_eq!(both().await, (1, 1));
        cache.scope(change(&source, "red", 2)).await;
        assert_eq!(both().await, (2, 2));
        assert_eq!(both().await, (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_stored_under_its_tags() {
    on_each(async |cache| {
        let source = Source::open();
        assert_eq!(read(cache, &source, "red", 0).await, 1);
        source.write(2);
        assert_eq!(cache.scope(tasks::refresh(&source, "red", 0)).await, 2);
        assert_eq!(read(cache, &source, "red", 0).await, 2);
        assert_eq!(source.loads(), 2, "it was stored");
        cache.scope(change(&source, "red", 3)).await;
        assert_eq!(read(cache, &source, "red", 0).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_value_shows_its_tags_until_one_is_invalidated() {
    on_each(async |cache| {
        let source = Source::open();
        read(cache, &source, "red", 0).await;
        let peek = async || cache.scope(tasks::peek("red", 0_u32)).await.expect("it can be read");
        let tags: Vec<String> =
            peek().await.expect("it is stored").tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["tags team:red", "tags"]);
        cache.invalidate_tag("tags").await.expect("it is taken");
        assert!(peek().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn hooks_are_told_of_tags() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let told = Arc::clone(&told);
        move |event: &cachemacro::InvalidationEvent<'_>| {
            let by_call = matches!(event.cause, Cause::Call);
            let is_tag = matches!(event.subject, Subject::Tag(_));
            told.lock().unwrap().push((event.subject.to_string(), by_call, is_tag));
        }
    };
    let cache = Cache::builder().on_invalidation(hook).build().await.expect("nothing to connect");
    cache.invalidate_tag("a").await.expect("it is taken");
    cache.scope(change(&Source::open(), "red", 2)).await;
    let expected = [("a".to_owned(), true, true), ("tags team:red".to_owned(), false, true)];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_tag_is_guarded_while_a_mutation_runs() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source, "red", 0).await, 1);
    die_in(here.scope(change_and_hang(&source, "red", 2)));
    assert_eq!(read(&there, &source, "red", 0).await, 1, "nobody was told otherwise yet");
    assert_eq!(source.loads(), 1);
    clock.advance(LONG);
    assert_eq!(read(&there, &source, "red", 0).await, 2, "the guard took the tag along");
    assert_eq!(read(&there, &source, "red", 0).await, 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn a_value_under_tags_is_not_put() {
    on_each(async |cache| {
        let source = Source::open();
        read(cache, &source, "red", 0).await;
        cache
            .scope(async {
                let guard = tasks::guard("red", 0_u32).await.expect("it is guarded");
                source.write(2);
                assert!(!guard.put(&2).await.expect("it is taken"));
            })
            .await;
        assert_eq!(read(cache, &source, "red", 0).await, 2);
    })
    .await;
}
