//! Values of batches under tags, on memory and on a Redis of the test's own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cachemacro::{Cache, cache_result, invalidates};
use serde::{Deserialize, Serialize};

use super::{Table, caches};
use crate::support::{RedisServer, eventually};

/// A row, and who it is of: the last digit of its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owned {
    value: u64,
    owner: u64,
}

/// What one of them is asked for by.
type Id = (u64, u64);

#[cache_result(ttl = "1h", key = "tagged_rows:<team>:<id>", tags = ["tagged_team:<team>", "tagged_owner:<value.owner>"], skip(table))]
async fn one_owned(table: &Table, team: u64, id: u64) -> Option<Owned> {
    assert!(team < 10, "a digit");
    load(table, &[id]).await.remove(&id)
}

#[cache_result(batch(ids), ttl = "1h", key = "tagged_rows:<team>:<ids>", tags = ["tagged_team:<team>", "tagged_owner:<value.owner>"], shares = one_owned, skip(table))]
async fn owned(table: &Table, team: u64, ids: &[u64]) -> HashMap<u64, Owned> {
    assert!(team < 10, "a digit");
    load(table, ids).await
}

#[cache_result(batch(ids), ttl = "1h", key = "tagged_pairs:<ids>", tags = ["tagged_first:<ids.0>", "tagged_all"], skip(table))]
async fn pairs(table: &Table, ids: &[Id]) -> BTreeMap<Id, u64> {
    let rows = load(table, &ids.iter().map(|id| id.1).collect::<Vec<_>>()).await;
    ids.iter().filter_map(|id| Some((*id, rows.get(&id.1)?.value))).collect()
}

#[cache_result(batch(ids), ttl = "1h", key = "tagged_groups:<team>:<ids>", groups(team), skip(table))]
async fn grouped(table: &Table, team: u64, ids: Vec<u64>) -> HashMap<u64, u64> {
    load(table, &ids).await.into_iter().map(|(id, row)| (id, row.value + team)).collect()
}

#[cache_result(batch(ids), batch_window = "1ms", ttl = "1h", key = "tagged_window:<ids>", tags = ["tagged_digit:<value>", "tagged_id:<ids>"], skip(table))]
async fn gathered(table: Arc<Table>, ids: Vec<u64>) -> HashMap<u64, u64> {
    load(&table, &ids).await.into_iter().map(|(id, row)| (id, row.owner)).collect()
}

#[cache_result(batch(ids), tier = local, ttl = "1h", key = "tagged_local:<ids>", tags = ["tagged_local:<ids>"], skip(table))]
async fn in_process(table: &Table, ids: &[u64]) -> Vec<Option<u64>> {
    let rows = load(table, ids).await;
    ids.iter().map(|id| rows.get(id).map(|row| row.value)).collect()
}

#[invalidates(tag = "tagged_owner:<owner>")]
async fn rename(owner: u64) {
    assert!(owner < 10, "a digit");
}

#[invalidates(grouped(team, ..))]
async fn dissolve(table: &Table, team: u64) {
    table.write(0, team);
}

async fn load(table: &Table, ids: &[u64]) -> HashMap<u64, Owned> {
    let rows = table.load(ids).await;
    rows.into_iter().map(|(id, value)| (id, Owned { value, owner: id % 10 })).collect()
}

#[tokio::test]
async fn an_invalidated_tag_takes_the_values_under_it_and_no_others() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(0..100);
        let ids: Vec<u64> = (10..30).collect();
        assert_eq!(cache.scope(owned(&table, 1, &ids)).await.len(), 20);
        assert_eq!(cache.scope(owned(&table, 1, &ids)).await.len(), 20);
        assert_eq!(cache.scope(one_owned(&table, 1, 12)).await, Some(Owned { value: 120, owner: 2 }));
        assert_eq!(
            table.asked(),
            std::slice::from_ref(&ids),
            "all of them are stored, as single calls store them"
        );
        cache.invalidate_tag("tagged_owner:3").await.expect("the store answers");
        cache.scope(owned(&table, 1, &ids)).await;
        cache.scope(rename(7)).await;
        cache.scope(owned(&table, 1, &ids)).await;
        assert_eq!(table.asked(), [[13, 23], [17, 27]]);
        cache.invalidate_tag("tagged_team:2").await.expect("the store answers");
        cache.scope(owned(&table, 1, &ids)).await;
        assert_eq!(table.asked(), [[0; 0]; 0]);
        cache.invalidate_tag("tagged_team:1").await.expect("the store answers");
        cache.scope(owned(&table, 1, &ids)).await;
        assert_eq!(table.asked(), [ids]);
    }
}

#[tokio::test]
async fn tags_over_ids_take_the_values_of_those_ids() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(0..100);
        let ids = [(1, 10), (2, 20), (1, 30)];
        cache.scope(pairs(&table, &ids)).await;
        cache.invalidate_tag("tagged_first:1").await.expect("the store answers");
        assert_eq!(cache.scope(pairs(&table, &ids)).await.len(), 3);
        cache.invalidate_tag("tagged_all").await.expect("the store answers");
        assert_eq!(cache.scope(pairs(&table, &ids)).await.len(), 3);
        assert_eq!(table.asked(), [vec![10, 20, 30], vec![10, 30], vec![10, 20, 30]]);
    }
}

#[tokio::test]
async fn a_group_takes_all_ids_of_its_arguments() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Table::of(0..100);
        for team in [1, 2] {
            cache.scope(grouped(&table, team, vec![4, 5])).await;
        }
        cache.scope(dissolve(&table, 1)).await;
        for team in [1, 2] {
            cache.scope(grouped(&table, team, vec![4, 5])).await;
        }
        cache.scope(grouped::invalidate_by_team(2)).await.expect("the store answers");
        cache.scope(grouped(&table, 2, vec![4, 5])).await;
        assert_eq!(table.asked(), [[4, 5]; 4]);
    }
}

#[tokio::test]
async fn calls_for_one_that_are_gathered_stand_under_their_tags() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Arc::new(Table::of(0..100));
        let call = |id| cache.scope(gathered::one(Arc::clone(&table), id));
        assert_eq!(tokio::join!(call(11), call(12)), (Some(1), Some(2)));
        cache.invalidate_tag("tagged_digit:1").await.expect("the store answers");
        assert_eq!(tokio::join!(call(11), call(12)), (Some(1), Some(2)));
        cache.invalidate_tag("tagged_id:12").await.expect("the store answers");
        assert_eq!(tokio::join!(call(11), call(12)), (Some(1), Some(2)));
        let mut asked = table.asked();
        asked[0].sort_unstable();
        assert_eq!(asked, [vec![11, 12], vec![11], vec![12]]);
    }
}

#[tokio::test]
async fn what_stays_in_the_process_stands_under_tags_too() {
    let (cache, table) = (Cache::memory(), Table::of(0..100));
    assert_eq!(cache.scope(in_process(&table, &[1, 200])).await, [Some(10), None]);
    cache.invalidate_tag("tagged_local:1").await.expect("it is in this process");
    assert_eq!(cache.scope(in_process(&table, &[2, 1])).await, [Some(20), Some(10)]);
    assert_eq!(cache.scope(in_process(&table, &[2, 1])).await, [Some(20), Some(10)]);
    assert_eq!(table.asked(), [[1, 200], [2, 1]]);
}

#[tokio::test]
async fn a_tag_that_is_invalidated_while_a_batch_loads_refuses_what_it_loads() {
    let server = RedisServer::start();
    for cache in caches(&server).await {
        let table = Arc::new(Table::held(0..100));
        let loading = tokio::spawn({
            let (cache, table) = (cache.clone(), Arc::clone(&table));
            async move { cache.scope(owned(&table, 1, &[13, 14])).await }
        });
        eventually("a body", || async { !table.asked.lock().unwrap().is_empty() }).await;
        cache.invalidate_tag("tagged_owner:3").await.expect("the store answers");
        table.let_go(9);
        assert_eq!(loading.await.unwrap().len(), 2);
        cache.scope(owned(&table, 1, &[13, 14])).await;
        let asked = table.asked();
        assert_eq!(asked[0], [13, 14]);
        // A tag over the value is known by its kind alone while it is loaded, so that 14 may go too.
        assert!(asked[1].contains(&13), "{asked:?}");
    }
}

#[tokio::test]
async fn what_a_batch_finds_on_a_server_takes_two_reads_whatever_its_tags() {
    let server = RedisServer::start();
    let [_, cache] = caches(&server).await;
    let other = Cache::builder().url(server.url()).near(0).build().await.expect("the server answers");
    let table = Table::of(0..100);
    let ids: Vec<u64> = (10..60).collect();
    cache.scope(owned(&table, 1, &ids)).await;
    let before = super::shared::calls(&server, "mget");
    assert_eq!(other.scope(owned(&table, 1, &ids)).await.len(), 50);
    let reads = super::shared::calls(&server, "mget") - before;
    assert!(
        reads <= 4,
        "one of the values and the team, and one of their owners, on each connection: {reads}"
    );
    assert_eq!(table.asked().len(), 1);
}
