//! `#[cache_put]`: what a mutation returns replaces what is stored.

use std::time::Duration;

use cachemacro::{Cache, cache_put, cache_result};

use super::{Failed, LONG, Shared, die_in, number, poll, read};
use crate::support::Source;

#[cache_put(number(id))]
async fn write(source: &Source, id: u64, value: u64) -> Result<u64, Failed> {
    let _ = id;
    source.write(value);
    Ok(value)
}

#[cache_put(number(id), ttl = Duration::from_secs(ttl))]
async fn write_slowly(source: &Source, id: u64, value: u64, ttl: u64) -> Result<Option<u64>, Failed> {
    let _ = id;
    source.write(value);
    tokio::task::yield_now().await;
    Ok((value != 0).then_some(value))
}

#[cache_put(number(id), guard = required)]
async fn write_and_fail(source: &Source, id: u64, value: u64) -> Result<u64, Failed> {
    let _ = id;
    source.write(value);
    Err(Failed::Source)
}

struct Repo {
    source: Source,
}

#[cachemacro::cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = "1h", key = "guarding:found:<id>", tier = local)]
    async fn find(&self, id: u64) -> Option<u64> {
        let _ = id;
        Some(self.source.load().await)
    }

    #[cache_put(Repo::find(id))]
    async fn write(&self, id: u64, value: u64) -> Option<u64> {
        let _ = id;
        self.source.write(value);
        (value != 0).then_some(value)
    }
}

#[tokio::test]
async fn the_next_call_reads_what_was_written_and_loads_nothing() {
    for cache in [Cache::memory(), Shared::new().await.here] {
        let source = Source::open();
        assert_eq!(cache.scope(write(&source, 7, 2)).await.unwrap(), 2);
        assert_eq!(read(&cache, &source).await, 2);
        assert_eq!(cache.scope(write(&source, 7, 3)).await.unwrap(), 3);
        assert_eq!(read(&cache, &source).await, 3);
        assert_eq!(source.loads(), 0);
    }
}

#[tokio::test]
async fn of_two_writers_at_once_neither_is_stored() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    let mut first = Box::pin(here.scope(write_slowly(&source, 7, 2, 60)));
    assert!(!poll(first.as_mut()));
    assert_eq!(there.scope(write(&source, 7, 3)).await.unwrap(), 3);
    assert_eq!(first.await.unwrap(), Some(2));
    assert_eq!(read(&there, &source).await, 3);
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn an_invalidation_meanwhile_is_not_undone() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    let mut first = Box::pin(here.scope(write_slowly(&source, 7, 2, 60)));
    assert!(!poll(first.as_mut()));
    source.write(3);
    there.scope(number::invalidate(7_u64)).await.unwrap();
    first.await.unwrap();
    assert_eq!(read(&there, &source).await, 3);
}

#[tokio::test]
async fn without_a_value_it_invalidates() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    here.scope(write_and_fail(&source, 7, 2)).await.unwrap_err();
    assert_eq!(read(&there, &source).await, 2);
    assert_eq!(here.scope(write_slowly(&source, 7, 0, 60)).await.unwrap(), None);
    assert_eq!(read(&there, &source).await, 0);
}

#[tokio::test]
async fn a_process_that_dies_after_its_commit_leaves_nothing_old() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    die_in(here.scope(write_slowly(&source, 7, 2, 60)));
    clock.advance(LONG);
    assert_eq!(read(&there, &source).await, 2);
}

#[tokio::test]
async fn the_ttl_is_that_of_the_function_or_of_the_attribute() {
    let Shared { clock, here, .. } = Shared::new().await;
    let source = Source::open();
    here.scope(write(&source, 7, 2)).await.unwrap();
    clock.advance(Duration::from_secs(50 * 60));
    assert_eq!((read(&here, &source).await, source.loads()), (2, 0));
    here.scope(write_slowly(&source, 7, 3, 60)).await.unwrap();
    clock.advance(Duration::from_secs(61));
    assert_eq!((read(&here, &source).await, source.loads()), (3, 1));
}

#[tokio::test]
async fn a_method_puts_for_a_method_that_never_leaves_the_process() {
    let cache = Shared::new().await.here;
    let repo = Repo { source: Source::open() };
    cache
        .scope(async {
            assert_eq!(repo.write(7, 2).await, Some(2));
            assert_eq!(repo.find(7).await, Some(2));
            assert_eq!(repo.source.loads(), 0);
            assert_eq!(repo.write(7, 0).await, None);
            for _ in 0..2 {
                assert_eq!(repo.find(7).await, Some(0));
                assert_eq!(repo.source.loads(), 1, "its guard has ended");
            }
        })
        .await;
}
