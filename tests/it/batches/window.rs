//! Calls for one id each that share a body. Time is paused: a window is over when nothing else is left to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, cache_result};
use tokio::time::Instant;

use super::{Table, row};

const WINDOW: Duration = Duration::from_millis(20);

#[cache_result(
    batch(ids, chunk = 4),
    batch_window = "20ms",
    ttl = "1h",
    key = "batches:row:<ids>",
    shares = row,
    skip(table)
)]
async fn gathered(table: &Table, ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    let found: HashMap<u64, u64> = table.load(ids).await.into_iter().collect();
    match ids.contains(&13) {
        true => Err("13".to_owned()),
        false => Ok(found),
    }
}

#[derive(Debug, PartialEq)]
struct Uncopied;

#[cache_result(
    batch(ids),
    batch_window = "20ms",
    ttl = "1h",
    tier = local,
    key = "batches:failing:<ids>",
    skip(table)
)]
async fn failing(table: &Table, ids: Vec<u64>) -> Result<Vec<Option<u64>>, Uncopied> {
    table.load(&ids).await;
    Err(Uncopied)
}

/// Makes a call in a task of its own.
fn call(cache: &Cache, table: &Arc<Table>, id: u64) -> tokio::task::JoinHandle<Result<Option<u64>, String>> {
    let (cache, table) = (cache.clone(), Arc::clone(table));
    tokio::spawn(async move { cache.scope(gathered::one(&table, id)).await })
}

async fn all<T>(calls: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut outputs = Vec::new();
    for call in calls {
        outputs.push(call.await.expect("no panic"));
    }
    outputs
}

fn sorted(mut asked: Vec<Vec<u64>>) -> Vec<Vec<u64>> {
    asked.iter_mut().for_each(|ids| ids.sort_unstable());
    asked
}

#[tokio::test(start_paused = true)]
async fn calls_within_a_window_are_one_body_and_share_entries_with_all() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::of(1..9)));
    let calls = all(vec![call(&cache, &table, 1), call(&cache, &table, 99), call(&cache, &table, 2)]).await;
    assert_eq!(calls, [Ok(Some(10)), Ok(None), Ok(Some(20))]);
    assert_eq!(sorted(table.asked()), [[1, 2, 99]]);
    assert_eq!(all(vec![call(&cache, &table, 1)]).await, [Ok(Some(10))]);
    assert_eq!(cache.scope(row(&table, 2)).await, Ok(20));
    assert!(table.asked().is_empty(), "both were stored");
    assert_eq!(all(vec![call(&cache, &table, 99)]).await, [Ok(None)]);
    assert_eq!(table.asked(), [[99]], "what is not there is not stored");
}

#[tokio::test(start_paused = true)]
async fn as_many_as_a_body_takes_do_not_wait_for_the_window() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::of(1..9)));
    let start = Instant::now();
    all((1..=4).map(|id| call(&cache, &table, id)).collect()).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(sorted(table.asked()), [[1, 2, 3, 4]]);
    all((5..=8).chain([101, 102]).map(|id| call(&cache, &table, id)).collect()).await;
    assert_eq!(start.elapsed(), WINDOW, "two were left");
    assert_eq!(sorted(table.asked()).iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_a_body_runs_is_in_the_next_one() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..9)));
    let first = call(&cache, &table, 1);
    tokio::time::sleep(WINDOW * 2).await;
    assert_eq!(table.asked(), [[1]]);
    table.write(2, 21);
    let second = call(&cache, &table, 2);
    tokio::time::sleep(WINDOW * 2).await;
    assert_eq!(table.asked(), [[2]], "it does not wait for the body before it");
    table.let_go(2);
    assert_eq!(all(vec![first, second]).await, [Ok(Some(10)), Ok(Some(21))]);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_during_the_body_refuses_what_it_brings_of_that_id_alone() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..9)));
    let calls = vec![call(&cache, &table, 1), call(&cache, &table, 2)];
    tokio::time::sleep(WINDOW * 2).await;
    table.write(1, 11);
    cache.scope(row::invalidate(1_u64)).await.expect("it is taken");
    let after = call(&cache, &table, 1);
    table.let_go(8);
    assert_eq!(all(calls).await, [Ok(Some(10)), Ok(Some(20))]);
    assert_eq!(after.await.expect("no panic"), Ok(Some(11)), "who came after does not share that load");
    table.asked();
    assert_eq!(
        all(vec![call(&cache, &table, 1), call(&cache, &table, 2)]).await,
        [Ok(Some(11)), Ok(Some(20))]
    );
    assert!(table.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_nothing_from_the_others() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::held(1..9)));
    // While it gathers.
    let first = call(&cache, &table, 1);
    tokio::task::yield_now().await;
    let others = vec![call(&cache, &table, 2), call(&cache, &table, 3)];
    tokio::task::yield_now().await;
    first.abort();
    tokio::time::sleep(WINDOW * 2).await;
    assert_eq!(sorted(table.asked()), [[2, 3]]);
    // While its body runs, whichever of the two runs it.
    let [second, third] = <[_; 2]>::try_from(others).expect("two of them");
    second.abort();
    tokio::time::sleep(WINDOW * 2).await;
    assert_eq!(table.asked(), [[3]]);
    table.let_go(8);
    assert_eq!(third.await.expect("no panic"), Ok(Some(30)));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_everybodys() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::of(1..99)));
    let calls = all(vec![call(&cache, &table, 1), call(&cache, &table, 13)]).await;
    assert_eq!(calls, [Err("13".to_owned()), Err("13".to_owned())]);
    assert_eq!(table.asked().len(), 1);
    assert_eq!(all(vec![call(&cache, &table, 1)]).await, [Ok(Some(10))], "it was not stored");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_be_copied_is_ones_and_the_others_load_alone() {
    let (cache, table) = (Cache::memory(), Arc::new(Table::of(1..9)));
    let calls = (1..=3).map(|id| {
        let (cache, table) = (cache.clone(), Arc::clone(&table));
        tokio::spawn(async move { cache.scope(failing::one(&table, id)).await })
    });
    assert_eq!(all(calls.collect()).await, [Err(Uncopied), Err(Uncopied), Err(Uncopied)]);
    let mut asked: Vec<usize> = table.asked().iter().map(Vec::len).collect();
    asked.sort_unstable();
    assert_eq!(asked, [1, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn two_caches_gather_apart() {
    let (one, other) = (Cache::memory(), Cache::memory());
    let (table, elsewhere) = (Arc::new(Table::of(1..9)), Arc::new(Table::of(1..9)));
    all(vec![call(&one, &table, 1), call(&other, &elsewhere, 2), call(&one, &table, 3)]).await;
    assert_eq!((sorted(table.asked()), elsewhere.asked()), (vec![vec![1, 3]], vec![vec![2]]));
}

#[tokio::test(start_paused = true)]
async fn calls_are_gathered_over_a_store_that_processes_share() {
    let crate::guarding::Shared { here, there, .. } = crate::guarding::Shared::new().await;
    let table = Arc::new(Table::of(1..9));
    let calls = (1..=3).map(|id| call(&here, &table, id)).collect();
    assert_eq!(all(calls).await, [Ok(Some(10)), Ok(Some(20)), Ok(Some(30))]);
    assert_eq!(sorted(table.asked()), [[1, 2, 3]]);
    assert_eq!(all(vec![call(&there, &table, 2)]).await, [Ok(Some(20))]);
    assert!(table.asked().is_empty());
}
