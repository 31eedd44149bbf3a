//! What batches take and return, and what their attributes say of values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use cachemacro::{Cache, cache_methods, cache_result};
use serde::{Deserialize, Serialize};

use super::Table;

type Ids<'a> = &'a [u64];
type Answer<T> = Result<Vec<T>, std::fmt::Error>;

#[cache_result(batch(ids), ttl = "1h", key = "batches:pairs:<ids>", skip(table))]
async fn pairs(table: &Table, ids: Vec<u64>) -> Vec<(u64, u64)> {
    table.load(&ids).await
}

#[cache_result(batch(ids), ttl = "1h", key = "batches:each:<ids>", skip(table))]
async fn each(table: &Table, ids: Ids<'_>) -> Answer<Option<u64>> {
    let found: HashMap<u64, u64> = table.load(ids).await.into_iter().collect();
    Ok(ids.iter().map(|id| found.get(id).copied()).collect())
}

#[cache_result(batch(ids), ttl = "1h", key = "batches:tree:<team>:<ids>", skip(table))]
async fn tree(table: &Table, team: String, ids: &HashSet<u64>) -> BTreeMap<u64, String> {
    let ids: Vec<u64> = ids.iter().copied().collect();
    table.load(&ids).await.into_iter().map(|(id, value)| (id, format!("{team} {value}"))).collect()
}

#[cache_result(batch(names), ttl = "1h", key = "batches:text:<names>", skip(table))]
async fn text(table: &Table, names: &[&str]) -> Vec<Option<usize>> {
    table.load(&[names.len() as u64]).await;
    names.iter().map(|name| Some(name.len())).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, cachemacro::KeyPart)]
struct Place {
    tenant: u32,
    id: u64,
}

#[cache_result(batch(places), ttl = "1h", key = "batches:place:<places.tenant>:<places.id>", skip(table), tier = local)]
async fn places(table: &Table, places: BTreeSet<Place>) -> HashMap<Place, std::sync::Arc<str>> {
    table.load(&places.iter().map(|place| place.id).collect::<Vec<_>>()).await;
    places.into_iter().map(|place| (place.clone(), format!("{place:?}").into())).collect()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    value: u64,
}

#[expect(clippy::ptr_arg, reason = "a reference to a `Vec` is one of the types that have ids")]
#[cache_result(
    batch(ids, chunk = 2),
    ttl = |row| Duration::from_secs(row.value),
    negative_ttl = "1m",
    unless = |row: &Row| row.value == 30,
    when = *uses_cache,
    with(tenant: u32 = tenant_of(table)),
    key = "batches:said:<tenant>:<ids>",
    skip(uses_cache)
)]
async fn said(table: &Table, ids: &Vec<u64>, uses_cache: &bool) -> Result<HashMap<u64, Row>, ()> {
    let _ = uses_cache;
    Ok(table.load(ids).await.into_iter().map(|(id, value)| (id, Row { value })).collect())
}

fn tenant_of(_table: &Table) -> u32 {
    7
}

struct Repo {
    tenant: u32,
    table: Table,
}

#[cache_methods]
impl Repo {
    #[cache_result(batch(ids), ttl = "1h", key = "batches:repo:<self.tenant>:<ids>")]
    async fn find(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.table.load(ids).await.into_iter().collect()
    }
}

#[tokio::test]
async fn lists_and_sets_go_in_and_maps_and_lists_come_out() {
    let cache = Cache::memory();
    let table = Table::of(1..=9);
    for _ in 0..2 {
        assert_eq!(cache.scope(pairs(&table, vec![3, 0, 1, 3])).await, [(3, 30), (1, 10)]);
        let each = cache.scope(each(&table, &[3, 11, 1, 3])).await;
        assert_eq!(each, Ok(vec![Some(30), None, Some(10), Some(30)]));
        let tree = cache.scope(tree(&table, "a".to_owned(), &HashSet::from([5]))).await;
        assert_eq!(tree, BTreeMap::from([(5, "a 50".to_owned())]));
        assert_eq!(cache.scope(text(&table, &["a", "bcd"])).await, [Some(1), Some(3)]);
        let place = Place { tenant: 1, id: 8 };
        assert_eq!(cache.scope(places(&table, BTreeSet::from([place.clone()]))).await.len(), 1);
        assert_eq!(places::key(&place).as_str(), "batches:place:1:8");
    }
    assert_eq!(table.asked(), [vec![3, 0, 1], vec![3, 11, 1], vec![5], vec![2], vec![8], vec![0], vec![11]]);
}

#[tokio::test]
async fn a_body_may_take_no_more_than_a_chunk_and_each_value_lives_as_long_as_is_said_of_it() {
    let cache = Cache::memory();
    let table = Table::of(1..=5);
    let ids: Vec<u64> = (1..=6).collect();
    let found = cache.scope(said(&table, &ids, &true)).await.expect("rows");
    assert_eq!(found.len(), 5);
    assert_eq!(table.asked(), [[1, 2], [3, 4], [5, 6]]);
    assert_eq!(cache.scope(said(&table, &ids, &true)).await.expect("rows").len(), 5);
    assert_eq!(table.asked(), [[3]], "a `None` is kept, and what `unless` says is not");
    assert_eq!(cache.scope(said(&table, &ids, &false)).await.expect("rows").len(), 5);
    assert_eq!(table.asked(), [[1, 2, 3, 4, 5, 6]], "as it is called, without the cache");
}

#[tokio::test]
async fn a_method_is_a_batch_under_cache_methods() {
    let cache = Cache::memory();
    let repo = Repo { tenant: 1, table: Table::of(1..=3) };
    for _ in 0..2 {
        assert_eq!(cache.scope(repo.find(&[1, 2])).await, HashMap::from([(1, 10), (2, 20)]));
    }
    cache.scope(Repo::find_invalidate(1_u32, 2_u64)).await.expect("memory");
    cache.scope(repo.find(&[1, 2])).await;
    assert_eq!(repo.table.asked(), [vec![1, 2], vec![2]]);
}

#[tokio::test]
#[should_panic(expected = "returned 1 values for 2 ids")]
async fn a_list_that_does_not_fit_its_ids_is_nobodys() {
    #[cache_result(batch(ids), ttl = "1h", key = "batches:short:<ids>")]
    async fn short(ids: &[u64]) -> Vec<Option<u64>> {
        vec![Some(ids[0])]
    }
    Cache::memory().scope(short(&[1, 2])).await;
}
