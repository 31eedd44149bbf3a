//! Callers that come at the same time, leave, and change what is being loaded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, cache_result};
use tokio::task::JoinHandle;

use super::{Table, covered_row, found, row, rows, write};
use crate::support::eventually;

type Rows = Result<HashMap<u64, u64>, String>;

fn spawn(cache: &Cache, table: &Arc<Table>, ids: &[u64]) -> JoinHandle<Rows> {
    let (cache, table, ids) = (cache.clone(), Arc::clone(table), ids.to_vec());
    tokio::spawn(async move { cache.scope(rows(&table, &ids)).await })
}

async fn asked(table: &Table, ids: &[u64]) {
    let has = || table.asked.lock().unwrap().iter().any(|asked| asked == ids);
    eventually(&format!("a body for {ids:?}"), || async { has() }).await;
}

#[tokio::test]
async fn what_another_loads_is_waited_for_and_not_loaded_again() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=9)));
    let first = spawn(&cache, &table, &[1, 2]);
    asked(&table, &[1, 2]).await;
    let second = spawn(&cache, &table, &[2, 3]);
    asked(&table, &[3]).await;
    let one = tokio::spawn({
        let (cache, table) = (cache.clone(), Arc::clone(&table));
        async move { cache.scope(row(&table, 3)).await }
    });
    table.let_go(2);
    assert_eq!(first.await.unwrap(), found([1, 2]));
    assert_eq!(second.await.unwrap(), found([2, 3]));
    assert_eq!(one.await.unwrap(), Ok(30));
    assert_eq!(table.asked(), [[1, 2].as_slice(), &[3]]);
}

#[tokio::test]
async fn batches_that_lead_what_the_other_waits_for_both_end() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=9)));
    let first = spawn(&cache, &table, &[1]);
    asked(&table, &[1]).await;
    // It waits for 1, and loads 2 meanwhile; then the first one's successor waits for 2.
    let second = spawn(&cache, &table, &[2, 1]);
    asked(&table, &[2]).await;
    first.abort();
    let third = spawn(&cache, &table, &[1, 2]);
    table.let_go(9);
    assert_eq!(second.await.unwrap(), found([1, 2]));
    assert_eq!(third.await.unwrap(), found([1, 2]));
}

#[tokio::test]
async fn a_batch_that_is_dropped_hands_each_of_its_ids_on() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=9)));
    let first = spawn(&cache, &table, &[1, 2]);
    asked(&table, &[1, 2]).await;
    let second = spawn(&cache, &table, &[2, 1, 3]);
    asked(&table, &[3]).await;
    first.abort();
    let _ = first.await;
    table.let_go(1);
    asked(&table, &[2, 1]).await;
    table.let_go(1);
    assert_eq!(second.await.unwrap(), found([1, 2, 3]));
    assert_eq!(table.asked(), [[1, 2].as_slice(), &[3], &[2, 1]], "in one body");
    assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await, found([1, 2, 3]));
    assert_eq!(table.asked(), [[0; 0]; 0], "all is stored");
}

#[tokio::test]
async fn what_is_invalidated_while_it_is_loaded_is_not_stored_and_the_rest_is() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=9)));
    let first = spawn(&cache, &table, &[1, 2]);
    asked(&table, &[1, 2]).await;
    cache.scope(write(&table, 2, 7)).await;
    // It comes after the write, and gets what was written.
    let late = spawn(&cache, &table, &[2]);
    table.let_go(2);
    assert_eq!(first.await.unwrap(), found([1, 2]), "they came before");
    assert_eq!(late.await.unwrap(), Ok([(2, 7)].into()));
    assert_eq!(cache.scope(rows(&table, &[1, 2])).await, Ok([(1, 10), (2, 7)].into()));
    assert_eq!(table.asked(), [[1, 2].as_slice(), &[2]]);
}

#[tokio::test]
async fn an_error_goes_to_those_who_wait_and_hold_back_nothing() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=20)));
    let first = spawn(&cache, &table, &[13, 1]);
    asked(&table, &[13, 1]).await;
    let second = spawn(&cache, &table, &[1, 2]);
    asked(&table, &[2]).await;
    table.let_go(2);
    assert_eq!(first.await.unwrap(), Err("13".to_owned()));
    assert_eq!(second.await.unwrap(), Err("13".to_owned()), "as a single call would get it");
    assert_eq!(table.asked(), [[13, 1].as_slice(), &[2]]);
}

#[tokio::test]
async fn who_cannot_take_the_error_of_a_batch_waits_for_the_next_load() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..=20)));
    let batch = spawn(&cache, &table, &[13, 1]);
    asked(&table, &[13, 1]).await;
    let ones = [(); 3].map(|()| {
        let (cache, table) = (cache.clone(), Arc::clone(&table));
        tokio::spawn(async move { cache.scope(covered_row(&table, 1)).await })
    });
    // They have all taken their seats.
    tokio::task::yield_now().await;
    table.let_go(1);
    assert_eq!(batch.await.unwrap(), Err("13".to_owned()));
    asked(&table, &[1]).await;
    table.let_go(9);
    for one in ones {
        assert_eq!(one.await.unwrap(), Ok(10));
    }
    assert_eq!(table.asked(), [[13, 1].as_slice(), &[1]], "one body for all of them");
}

/// Takes longer for each than a lease holds.
#[cache_result(batch(ids, chunk = 1), ttl = "1h", key = "batches:slow:<ids>", skip(table))]
async fn slow_rows(table: &Table, ids: &[u64]) -> HashMap<u64, u64> {
    tokio::time::sleep(Duration::from_secs(60)).await;
    table.load(ids).await.into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn leases_are_kept_until_the_last_body_of_a_batch_has_run() {
    let (cache, table) = (Cache::memory(), Table::of(1..=9));
    assert_eq!(cache.scope(slow_rows(&table, &[1, 2])).await.len(), 2);
    assert_eq!(table.asked(), [[1], [2]]);
    assert_eq!(cache.scope(slow_rows(&table, &[1, 2])).await.len(), 2);
    assert_eq!(table.asked(), [[0; 0]; 0], "both are stored");
}
