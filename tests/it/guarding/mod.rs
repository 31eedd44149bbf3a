//! Mutations that guard what they change: crashed ones, overlapping ones, those of a transaction, and
//! write-through. "Processes" are two caches on one store.

mod by_hand;
mod mutations;
mod transactions;
mod write_through;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use cachemacro::store::memory::{MemoryLimits, MemoryStore};
use cachemacro::{Cache, Clock, Error, cache_result};

use crate::support::Source;

/// A store that two processes share, and the time in it.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) here: Cache,
    pub(crate) there: Cache,
}

impl Shared {
    pub(crate) async fn new() -> Self {
        let clock = Clock::manual();
        let store = Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone()));
        let cache = async || Cache::builder().store(store.clone()).build().await.expect("nothing to connect");
        Self { here: cache().await, there: cache().await, clock }
    }
}

#[derive(Debug)]
pub(crate) enum Failed {
    Source,
    Cache(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Cache(error)
    }
}

#[cache_result(ttl = "1h", key = "guarding:<id>", skip(source))]
pub(crate) async fn number(source: &Source, id: u64) -> Result<u64, Failed> {
    let _ = id;
    Ok(source.load().await)
}

pub(crate) async fn read(cache: &Cache, source: &Source) -> u64 {
    cache.scope(number(source, 7)).await.expect("the source does not fail")
}

/// Polls once: a future whose awaits are ready goes as far as it can.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Runs a future to where it waits, and never again, as a process that dies does.
pub(crate) fn die_in<F: Future>(future: F) {
    let mut future = Box::pin(future);
    assert!(!poll(future.as_mut()), "it did not get to where it waits");
    std::mem::forget(future);
}

/// Past every guard and lease, and not past any ttl.
pub(crate) const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_future_that_dies_is_not_dropped() {
    struct Dropped;
    impl Drop for Dropped {
        fn drop(&mut self) {
            panic!("it was dropped");
        }
    }
    die_in(async {
        let _dropped = Dropped;
        pin!(std::future::pending::<()>()).await;
    });
}
