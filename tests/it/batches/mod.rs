//! Functions for many ids, on memory and on a Redis of the test's own.

mod callers;
mod shapes;
#[cfg(feature = "redis")]
mod shared;
#[cfg(feature = "redis")]
mod tagged;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use cachemacro::{Cache, cache_result, invalidates};
use tokio::sync::Semaphore;

use crate::support::RedisServer;

/// Rows, and the ids that each body was called for. The number of a row is its value times ten.
pub(crate) struct Table {
    rows: Mutex<BTreeMap<u64, u64>>,
    asked: Mutex<Vec<Vec<u64>>>,
    /// One permit for each body that may end.
    gate: Semaphore,
}

impl Table {
    /// Rows of these ids.
    pub(crate) fn of(ids: impl IntoIterator<Item = u64>) -> Self {
        let rows = ids.into_iter().map(|id| (id, id * 10)).collect();
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Self { rows: Mutex::new(rows), asked: Mutex::default(), gate }
    }

    /// The same, where bodies wait until they are let go.
    pub(crate) fn held(ids: impl IntoIterator<Item = u64>) -> Self {
        Self { gate: Semaphore::new(0), ..Self::of(ids) }
    }

    pub(crate) fn let_go(&self, bodies: usize) {
        self.gate.add_permits(bodies);
    }

    pub(crate) fn write(&self, id: u64, value: u64) {
        self.rows.lock().unwrap().insert(id, value);
    }

    /// What is there of these ids when it is called.
    pub(crate) async fn load(&self, ids: &[u64]) -> Vec<(u64, u64)> {
        self.asked.lock().unwrap().push(ids.to_vec());
        let found = {
            let rows = self.rows.lock().unwrap();
            ids.iter().filter_map(|id| Some((*id, *rows.get(id)?))).collect()
        };
        self.gate.acquire().await.expect("the gate is never closed").forget();
        found
    }

    /// The ids that bodies were called for since the last time.
    pub(crate) fn asked(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[cache_result(ttl = "1h", key = "batches:row:<id>", skip(table))]
pub(crate) async fn row(table: &Table, id: u64) -> Result<u64, String> {
    table.load(&[id]).await.pop().map(|(_, value)| value).ok_or_else(|| "no such row".to_owned())
}

#[cache_result(batch(ids), ttl = "1h", key = "batches:row:<ids>", shares = row, skip(table))]
pub(crate) async fn rows(table: &Table, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    if ids.contains(&13) {
        table.load(ids).await;
        return Err("13".to_owned());
    }
    Ok(table.load(ids).await.into_iter().collect())
}

/// The same for one id, by a function that covers what fails.
#[cache_result(ttl = "1h", stale_if_error = "1h", key = "batches:row:<id>", shares = rows, skip(table))]
pub(crate) async fn covered_row(table: &Table, id: u64) -> Result<u64, String> {
    row::uncached(table, id).await
}

#[invalidates(rows(id))]
pub(crate) async fn write(table: &Table, id: u64, value: u64) {
    table.write(id, value);
}

pub(crate) fn found(ids: impl IntoIterator<Item = u64>) -> Result<HashMap<u64, u64>, String> {
    Ok(ids.into_iter().map(|id| (id, id * 10)).collect())
}

/// A cache in memory, and one on a server.
async fn caches(server: &RedisServer) -> [Cache; 2] {
    // Hundreds of fills at once take a test build a while.
    let builder = Cache::builder().url(server.url()).budget(Duration::from_secs(10));
    [Cache::memory(), builder.build().await.expect("the server answers")]
}

#[tokio::test]
async fn the_body_runs_once_for_what_is_missing_and_entries_are_those_of_single_calls() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(1..=9);
        assert_eq!(cache.scope(row(&table, 2)).await, Ok(20));
        assert_eq!(cache.scope(rows(&table, &[3, 1, 2, 3])).await, found([1, 2, 3]));
        assert_eq!(table.asked(), [vec![2], vec![3, 1]], "each once, in their order");
        assert_eq!(cache.scope(row(&table, 3)).await, Ok(30));
        assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await, found([1, 2, 3]));
        assert_eq!(cache.scope(rows(&table, &[])).await, found([]));
        assert_eq!(table.asked(), [[0; 0]; 0]);
    }
}

#[tokio::test]
async fn ids_that_the_body_does_not_return_are_absent_and_asked_for_again() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of([1]);
        assert_eq!(cache.scope(rows(&table, &[1, 2])).await, found([1]));
        assert_eq!(cache.scope(rows(&table, &[1, 2])).await, found([1]));
        assert_eq!(table.asked(), [vec![1, 2], vec![2]]);
    }
}

#[tokio::test]
async fn an_error_is_that_of_the_call_and_nothing_of_it_is_stored() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(1..=20);
        assert_eq!(cache.scope(rows(&table, &[1])).await, found([1]));
        assert_eq!(cache.scope(rows(&table, &[1, 13, 2])).await, Err("13".to_owned()));
        assert_eq!(cache.scope(rows(&table, &[1, 2])).await, found([1, 2]));
        assert_eq!(table.asked(), [vec![1], vec![13, 2], vec![2]]);
    }
}

#[tokio::test]
async fn each_id_is_invalidated_by_itself() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(1..=3);
        cache.scope(rows(&table, &[1, 2, 3])).await.expect("rows");
        cache.scope(write(&table, 2, 7)).await;
        assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await.expect("rows")[&2], 7);
        cache.scope(rows::invalidate(3)).await.expect("the store answers");
        cache.scope(rows(&table, &[1, 2, 3])).await.expect("rows");
        assert_eq!(table.asked(), [vec![1, 2, 3], vec![2], vec![3]]);
        assert_eq!(rows::key(3), row::key(3));
        assert_eq!(cache.scope(rows::uncached(&table, &[1])).await, found([1]));
        assert_eq!(table.asked(), [[1]]);
    }
}

#[tokio::test]
async fn more_ids_than_are_under_way_at_once_go_one_after_the_other() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(100..1300);
        let ids: Vec<u64> = (100..1300).collect();
        assert_eq!(cache.scope(rows(&table, &ids[..])).await.expect("rows").len(), 1200);
        let lens: Vec<usize> = table.asked().iter().map(Vec::len).collect();
        assert_eq!(lens, [512, 512, 176]);
        assert_eq!(cache.scope(rows(&table, &ids[..])).await.expect("rows").len(), 1200);
        assert_eq!(table.asked(), [[0; 0]; 0]);
    }
}
