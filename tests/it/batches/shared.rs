//! Batches of two processes on one server, which are two caches as far as it can tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, cache_result};

use super::{Table, found, row, rows, write};
use crate::support::{RedisServer, eventually};

async fn connect(server: &RedisServer) -> Cache {
    let builder = Cache::builder().url(server.url()).budget(Duration::from_millis(200)).near(0);
    builder.build().await.expect("the server runs")
}

/// The same, where a lease that is left behind stays.
async fn connect_with_long_leases(server: &RedisServer) -> Cache {
    let builder = Cache::builder().url(server.url()).near(0).lease(Duration::from_secs(3600));
    builder.build().await.expect("the server runs")
}

/// How often the server has run a command.
pub(super) fn calls(server: &RedisServer, command: &str) -> u64 {
    let info = server.cli(&["INFO", "commandstats"]);
    let start = format!("cmdstat_{command}:calls=");
    let line = info.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn what_is_stored_is_read_at_once_and_leases_are_asked_for_on_the_rest() {
    let server = RedisServer::start();
    let (cache, other) = (connect(&server).await, connect(&server).await);
    let table = Table::of(0..100);
    let ids: Vec<u64> = (20..70).collect();
    assert_eq!(cache.scope(rows(&table, &ids)).await, found(20..70));
    let (gets, sets) = (calls(&server, "mget"), calls(&server, "set"));
    let ids: Vec<u64> = (20..80).collect();
    assert_eq!(other.scope(rows(&table, &ids)).await, found(20..80));
    let lanes = calls(&server, "mget") - gets;
    assert!((1..=8).contains(&lanes), "one read for each connection: {lanes}");
    assert_eq!(calls(&server, "set") - sets, 10 + 10, "ten leases, and ten fills");
    assert_eq!(table.asked().last().expect("a body").len(), 10);
}

#[tokio::test]
async fn what_is_missing_takes_three_steps_however_much_it_is() {
    let server = RedisServer::start();
    let cache = connect_with_long_leases(&server).await;
    let table = Table::of(20..70);
    let ids: Vec<u64> = (20..120).collect();
    assert_eq!(cache.scope(rows(&table, &ids)).await, found(20..70));
    assert_eq!(calls(&server, "set"), 100 + 50, "a lease for each, and a value for those that there are");
    let leases_left = async || {
        let left = server.cli(&["EVAL", "return #redis.call('KEYS', 'batches:row:*')", "0"]);
        left.trim().parse::<u64>().expect("a number") - 50
    };
    eventually("the leases of those that are absent are gone", async || leases_left().await == 0).await;
    let scripts = calls(&server, "evalsha");
    assert!(scripts <= 4, "one that fills and one that releases for each connection: {scripts}");
    assert_eq!(table.asked().len(), 1);
}

#[tokio::test]
async fn a_batch_that_is_dropped_leaves_no_leases_behind() {
    let server = RedisServer::start();
    let (cache, other) = (connect_with_long_leases(&server).await, connect(&server).await);
    let table = Arc::new(Table::held(0..100));
    let ids: Vec<u64> = (20..90).collect();
    let loading = tokio::spawn({
        let (cache, table, ids) = (cache.clone(), Arc::clone(&table), ids.clone());
        async move { cache.scope(rows(&table, &ids)).await }
    });
    eventually("a body", || async { !table.asked.lock().unwrap().is_empty() }).await;
    loading.abort();
    let none = async || server.cli(&["KEYS", "batches:row:*"]).trim().is_empty();
    eventually("the leases are gone", none).await;
    assert!(calls(&server, "evalsha") <= 2, "in one call for each connection");
    table.let_go(9);
    assert_eq!(other.scope(rows(&table, &ids)).await, found(20..90));
}

#[tokio::test]
async fn a_value_that_is_too_large_keeps_no_other_from_being_stored() {
    let server = RedisServer::start();
    let cache = connect_with_long_leases(&server).await;
    for _ in 0..2 {
        assert_eq!(cache.scope(texts(&[1, 2, 3])).await.len(), 3);
    }
    let stored = async || {
        let mut keys: Vec<String> =
            server.cli(&["KEYS", "batches:long:*"]).lines().map(str::to_owned).collect();
        keys.sort();
        keys
    };
    eventually("the others are there", async || stored().await == ["batches:long:1", "batches:long:3"]).await;
}

/// That of 2 is longer than is stored.
#[cache_result(batch(ids), ttl = "1h", value_bytes_max = "100B", key = "batches:long:<ids>")]
async fn texts(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, "x".repeat(if *id == 2 { 900 } else { 9 }))).collect()
}

#[tokio::test]
async fn batches_in_two_processes_that_lead_what_the_other_waits_for_both_end() {
    let server = RedisServer::start();
    let (first, second) = (connect(&server).await, connect(&server).await);
    let table = Arc::new(Table::held(0..100));
    let spawn = |cache: &Cache, ids: [u64; 2]| {
        let (cache, table) = (cache.clone(), Arc::clone(&table));
        tokio::spawn(async move { cache.scope(rows(&table, &ids)).await })
    };
    let one = spawn(&first, [1, 2]);
    eventually("a body", || async { !table.asked.lock().unwrap().is_empty() }).await;
    let two = spawn(&second, [2, 3]);
    eventually("a body", || async { table.asked.lock().unwrap().len() == 2 }).await;
    table.let_go(2);
    assert_eq!(one.await.unwrap(), found([1, 2]));
    assert_eq!(two.await.unwrap(), found([2, 3]));
    assert_eq!(table.asked(), [[1, 2].as_slice(), &[3]], "each id is loaded once");
}

#[tokio::test]
async fn what_another_process_invalidates_while_it_is_loaded_is_not_stored() {
    let server = RedisServer::start();
    let (cache, other) = (connect(&server).await, connect(&server).await);
    let table = Arc::new(Table::held(0..100));
    let loading = tokio::spawn({
        let (cache, table) = (cache.clone(), Arc::clone(&table));
        async move { cache.scope(rows(&table, &[1, 2])).await }
    });
    eventually("a body", || async { !table.asked.lock().unwrap().is_empty() }).await;
    other.scope(write(&table, 2, 7)).await;
    table.let_go(9);
    assert_eq!(loading.await.unwrap(), found([1, 2]));
    assert_eq!(other.scope(rows(&table, &[1, 2])).await, Ok([(1, 10), (2, 7)].into()));
    assert_eq!(table.asked(), [[1, 2].as_slice(), &[2]]);
}

#[tokio::test]
async fn what_is_guarded_is_served_from_before_or_loaded_and_not_stored() {
    let server = RedisServer::start();
    let (cache, other) = (connect(&server).await, connect(&server).await);
    let table = Table::of(0..100);
    cache.scope(rows(&table, &[1])).await.expect("rows");
    let guards = [other.scope(row::guard(1)).await.unwrap(), other.scope(row::guard(2)).await.unwrap()];
    assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await, found([1, 2, 3]));
    assert_eq!(table.asked(), [vec![1], vec![2, 3]], "the value from before is one of now");
    for guard in guards {
        guard.finish().await.expect("the server answers");
    }
    assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await, found([1, 2, 3]));
    assert_eq!(table.asked(), [[1, 2]]);
}

#[tokio::test]
async fn without_a_server_the_body_runs_for_all_and_in_one_piece() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let table = Table::of(0..100);
    cache.scope(rows(&table, &[1, 2])).await.expect("rows");
    drop(server);
    assert_eq!(cache.scope(rows(&table, &[1, 2, 3])).await, found([1, 2, 3]));
    assert_eq!(table.asked(), [vec![1, 2], vec![1, 2, 3]]);
}
