//! `#[invalidates]`, under guards.

use std::future::pending;

use cachemacro::{Cache, ErrorKind, invalidates};

use super::{Failed, LONG, Shared, die_in, number, poll, read};
use crate::support::Source;

/// Commits, and waits.
#[invalidates(number(id))]
async fn write_and_wait(source: &Source, id: u64, value: u64, wait: impl Future<Output = ()>) {
    source.write(value);
    wait.await;
}

#[invalidates(number(id), guard = off)]
async fn write_unguarded(source: &Source, id: u64, value: u64, wait: impl Future<Output = ()>) {
    source.write(value);
    wait.await;
}

#[invalidates(number(id), guard = required)]
async fn write_or_fail(source: &Source, id: u64, value: u64) -> Result<(), Failed> {
    source.write(value);
    Ok(())
}

#[invalidates(number(id), on = ok)]
async fn write_if_ok(source: &Source, id: u64, value: u64) -> Result<(), Failed> {
    source.write(value);
    Err(Failed::Source)
}

#[tokio::test]
async fn a_mutation_that_dies_after_its_commit_leaves_the_old_value_no_longer_than_its_guard() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    die_in(here.scope(write_and_wait(&source, 7, 2, pending())));
    assert_eq!(read(&there, &source).await, 1, "nobody was told otherwise yet");
    clock.advance(LONG);
    assert_eq!(read(&there, &source).await, 2);
}

#[tokio::test]
async fn without_a_guard_it_leaves_it_until_its_ttl() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    die_in(here.scope(write_unguarded(&source, 7, 2, pending())));
    clock.advance(LONG);
    assert_eq!(read(&there, &source).await, 1, "as the documentation says");
}

#[tokio::test]
async fn what_is_loaded_during_a_mutation_is_not_stored() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let mutation = here.scope(write_and_wait(&source, 7, 2, async { drop(released.await) }));
    let mut mutation = std::pin::pin!(mutation);
    assert!(!poll(mutation.as_mut()));
    for loads in 1..=2 {
        assert_eq!(read(&there, &source).await, 2);
        assert_eq!(source.loads(), loads);
    }
    drop(release);
    mutation.await;
    for _ in 0..2 {
        assert_eq!(read(&there, &source).await, 2);
        assert_eq!(source.loads(), 3, "now it is");
    }
}

#[tokio::test]
async fn the_value_from_before_is_served_until_a_second_writer_comes() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    let first = here.scope(write_and_wait(&source, 7, 2, tokio::task::yield_now()));
    let (mut first, second) = (Box::pin(first), there.scope(write_and_wait(&source, 7, 3, pending())));
    assert!(!poll(first.as_mut()));
    assert_eq!(read(&there, &source).await, 1);
    assert_eq!(source.loads(), 1);
    let mut second = Box::pin(second);
    assert!(!poll(second.as_mut()));
    assert_eq!(read(&there, &source).await, 3, "one of the two may crash, and nobody see its guard run out");
    assert_eq!(source.loads(), 2);
    first.await;
    assert_eq!(read(&there, &source).await, 3);
    drop(second);
    assert_eq!(read(&there, &source).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_renewed_while_the_body_runs() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    let seconds = async {
        for _ in 0..60 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            clock.advance(std::time::Duration::from_secs(1));
        }
    };
    let mut mutation = Box::pin(here.scope(write_and_wait(&source, 7, 2, seconds)));
    assert!(tokio::time::timeout(LONG / 2, mutation.as_mut()).await.is_err());
    assert_eq!(read(&there, &source).await, 1, "it still stands, and carries the value");
    mutation.await;
    assert_eq!(read(&there, &source).await, 2);
}

#[tokio::test]
async fn a_required_guard_that_cannot_be_had_stops_the_mutation() {
    let cache = Cache::memory();
    let source = Source::open();
    assert!(cache.scope(write_or_fail(&source, 7, 2)).await.is_ok(), "in this process nothing can be lost");
    let unreachable = Cache::builder().url("redis://127.0.0.1:1/").lazy().build().await.unwrap();
    let result = unreachable.scope(write_or_fail(&source, 7, 3)).await;
    assert!(
        matches!(&result, Err(Failed::Cache(error)) if error.kind() == ErrorKind::Unavailable),
        "{result:?}"
    );
    assert_eq!(source.load().await, 2, "the body did not run");
}

#[tokio::test]
async fn what_failed_is_left_alone_where_the_attribute_says_so() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    assert!(here.scope(write_if_ok(&source, 7, 2)).await.is_err());
    assert_eq!(read(&there, &source).await, 1);
}
