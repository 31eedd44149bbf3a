//! All of a namespace invalidated at once: in the cache of a process, in a store that processes share, and on Redis.

use std::sync::{Arc, Mutex};

use cachemacro::{Cache, Subject, TierName};

use super::*;
use crate::guarding::{LONG, die_in};
#[cfg(feature = "redis")]
use crate::support::RedisServer;
use crate::support::eventually;

/// Runs a test on each kind of cache, and with a second process beside it where there can be one.
async fn on_each(test: impl AsyncFn(&Cache, &Cache)) {
    let memory = Cache::memory();
    test(&memory, &memory).await;
    let store = Apart::new();
    test(&store.process("app").await, &store.process("app").await).await;
    #[cfg(feature = "redis")]
    {
        let server = RedisServer::start();
        let process = async || {
            let builder = Cache::builder().url(server.url()).near(0).namespace("app");
            builder.build().await.expect("the server answers")
        };
        test(&process().await, &process().await).await;
    }
}

#[tokio::test]
async fn nothing_that_was_stored_is_served_in_any_process() {
    on_each(async |one, other| {
        let source = Source::open();
        let all = async |cache: &Cache| {
            cache
                .scope(async {
                    let pinned = pinned(&source, 7).await.expect("the source does not fail");
                    let many = numbers(&source, &[1, 2]).await;
                    assert_eq!(many[0], many[1]);
                    [number(&source, 7).await, tagged(&source, 7).await, pinned, many[0].expect("a value")]
                })
                .await
        };
        assert_eq!((all(one).await, all(other).await), ([1; 4], [1; 4]));
        let loads = source.loads();
        source.write(2);
        one.invalidate_all().await.expect("it is taken");
        assert_eq!((all(one).await, all(other).await), ([2; 4], [2; 4]));
        assert_eq!(source.loads(), loads + 4, "each was loaded again once, and stored");
        source.write(3);
        other.invalidate_all().await.expect("it is taken");
        assert_eq!((all(one).await, all(other).await), ([3; 4], [3; 4]));
    })
    .await;
}

#[tokio::test]
async fn what_never_leaves_the_process_goes_too() {
    on_each(async |one, _| {
        let source = Source::open();
        assert_eq!(one.scope(here(&source, 7)).await, 1);
        source.write(2);
        one.invalidate_all().await.expect("it is taken");
        assert_eq!(one.scope(here(&source, 7)).await, 2);
        assert_eq!(one.scope(here(&source, 7)).await, 2);
        assert_eq!(source.loads(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_began_before_is_not_served_after() {
    on_each(async |one, other| {
        let source = Arc::new(Source::held());
        let call = || {
            let (cache, source) = (one.clone(), Arc::clone(&source));
            tokio::spawn(async move { read(&cache, &source).await })
        };
        let before = call();
        eventually("it loads", async || source.loads() == 1).await;
        source.write(2);
        other.invalidate_all().await.expect("it is taken");
        let after = call();
        tokio::task::yield_now().await;
        source.let_go(8);
        assert_eq!(before.await.expect("no panic"), 1);
        assert_eq!(after.await.expect("no panic"), 2, "who came after does not share that load");
        assert_eq!(read(one, &source).await, 2);
        assert_eq!(read(other, &source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_shown_is_not_what_was_invalidated() {
    on_each(async |one, other| {
        let source = Source::open();
        read(one, &source).await;
        let peek = async || other.scope(number::peek(7_u64)).await.expect("it can be read");
        assert!(peek().await.is_some_and(|peek| peek.tier != TierName::Near));
        one.invalidate_all().await.expect("it is taken");
        assert!(peek().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_refresh_and_a_put_after_it_are_stored() {
    on_each(async |one, other| {
        let source = Source::open();
        read(one, &source).await;
        other.invalidate_all().await.expect("it is taken");
        assert_eq!(one.scope(number::refresh(&source, 7)).await, 1);
        read(one, &source).await;
        other.invalidate_all().await.expect("it is taken");
        // The first one hears of it, and the next is of the era of now.
        for value in [2, 3] {
            one.scope(put(&source, 7, value)).await.expect("the source does not fail");
        }
        let loads = source.loads();
        assert_eq!((read(one, &source).await, read(other, &source).await), (3, 3));
        assert_eq!(source.loads(), loads, "it was put");
    })
    .await;
}

#[tokio::test]
async fn the_guards_of_others_stand() {
    let store = Apart::new();
    let (one, other) = (store.process("app").await, store.process("app").await);
    let source = Source::open();
    assert_eq!(read(&other, &source).await, 1);
    die_in(one.scope(async {
        let _guard = number::guard(7_u64).await.expect("it is guarded");
        std::future::pending::<()>().await;
    }));
    other.invalidate_all().await.expect("it is taken");
    assert_eq!((read(&other, &source).await, read(&other, &source).await), (1, 1));
    assert_eq!(source.loads(), 3, "what is guarded is loaded, and not stored");
    // Its writer commits, and dies.
    source.write(2);
    store.clock.advance(LONG);
    assert_eq!(read(&other, &source).await, 2);
}

#[tokio::test]
async fn what_is_left_behind_is_reclaimed_and_nothing_else() {
    on_each(async |one, other| {
        let source = Source::open();
        let fill = async |ids: std::ops::Range<u64>| {
            for id in ids {
                one.scope(async {
                    number(&source, id).await;
                    tagged(&source, id).await;
                })
                .await;
            }
        };
        fill(0..40).await;
        one.invalidate_all().await.expect("it is taken");
        fill(0..10).await;
        let loads = source.loads();
        let mut told = Vec::new();
        let swept = other.reclaim_with(|swept| told.push(swept)).await.expect("it is done");
        assert_eq!(swept.removed, 60, "{swept:?}");
        assert!(swept.keys >= 80 && swept.pages >= 1, "{swept:?}");
        assert_eq!(told.last(), Some(&swept));
        fill(0..10).await;
        assert_eq!(source.loads(), loads, "what is of now is left");
        assert_eq!(other.reclaim().await.expect("it is done").removed, 0);
    })
    .await;
}

#[tokio::test]
async fn hooks_are_told_and_a_store_without_a_namespace_is_left_alone() {
    let told = Arc::new(Mutex::new(0));
    let hook = {
        let told = Arc::clone(&told);
        move |event: &cachemacro::InvalidationEvent<'_>| {
            *told.lock().unwrap() += u32::from(event.subject == Subject::All);
        }
    };
    let store = Apart::new();
    let source = Source::open();
    let app = store.builder().namespace("app").on_invalidation(hook).build().await.expect("a cache");
    app.invalidate_all().await.expect("it is taken");
    assert_eq!(*told.lock().unwrap(), 1);
    let plain = store.builder().build().await.expect("a cache");
    assert_eq!(read(&plain, &source).await, 1);
    let refused = plain.invalidate_all().await.expect_err("there may be values of others");
    assert_eq!(refused.kind(), ErrorKind::Config);
    source.write(2);
    assert_eq!(read(&plain, &source).await, 1);
}
