//! Keys that move from one server to another, and servers that take each other's place.

use std::time::Duration;

use cachemacro::{Cache, TierName, cache_result, invalidates};

use super::{BUDGET, connect};
use crate::support::{RedisCluster, Source, eventually};

#[cache_result(ttl = "1h", key = "cluster:moved:<id>", skip(source))]
async fn moved(source: &Source, id: u64) -> u64 {
    let _ = id;
    source.load().await
}

#[invalidates(moved(id))]
async fn write(source: &Source, id: u64, value: u64) {
    let _ = id;
    source.write(value);
}

const KEY: &str = "cluster:moved:7";

#[tokio::test]
async fn a_value_moves_with_its_slot_and_is_invalidated_where_it_is() {
    let mut cluster = RedisCluster::start(3).await;
    let (cache, source) = (connect(&cluster).await, Source::open());
    cluster.add().await;
    // Each time another key: what was invalidated in the last minute is invalidated again when servers change.
    for (id, to) in [(7, Some(3)), (8, None)] {
        let key = format!("cluster:moved:{id}");
        cache.scope(moved(&source, id)).await;
        let to = to.unwrap_or((cluster.owner_of(&key) + 1) % 3);
        cluster.move_slot(&key, to);
        assert_eq!(cluster.owner_of(&key), to);
        let loads = source.loads();
        cache.scope(moved(&source, id)).await;
        assert_eq!(source.loads(), loads, "it is found where it is now");
        cache.scope(write(&source, id, 100 + id)).await;
        assert_eq!(cache.scope(moved(&source, id)).await, 100 + id);
    }
}

#[tokio::test]
async fn what_is_kept_near_is_told_of_from_where_it_has_moved() {
    let mut cluster = RedisCluster::start(3).await;
    // Whoever is told waits for no sign of life, which are far apart.
    let near =
        || Cache::builder().url(cluster.url()).budget(BUDGET).staleness(Duration::from_secs(60)).build();
    let (cache, other, source) = (near().await.unwrap(), near().await.unwrap(), Source::open());
    let is_coherent =
        async |cache: &Cache| cache.status().near.is_some_and(|near| near.coherent_for.is_some());
    let reads = async |value: u64| cache.scope(moved(&source, 7)).await == value;
    let is_kept = async || {
        // What has changed just before may refuse it.
        cache.scope(moved(&source, 7)).await;
        let peek = cache.scope(moved::peek(7)).await.ok().flatten();
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    };
    eventually("changes are told", async || is_coherent(&cache).await).await;
    source.write(1);
    eventually("it is kept near", is_kept).await;
    other.scope(write(&source, 7, 2)).await;
    eventually("the change is told", async || reads(2).await).await;
    // To a server that nobody knows yet.
    cluster.add().await;
    cluster.move_slot(KEY, 3);
    other.scope(write(&source, 7, 3)).await;
    eventually("the change is told", async || reads(3).await).await;
    eventually("it is kept near", is_kept).await;
    other.scope(write(&source, 7, 4)).await;
    eventually("the change is told by the new server", async || reads(4).await).await;
}

#[tokio::test]
async fn a_replica_takes_the_place_of_its_server_and_what_was_lost_is_told_again() {
    let mut cluster = RedisCluster::start_with_replicas(3).await;
    let quick = Cache::builder().url(cluster.url()).budget(Duration::from_millis(500)).near(0);
    let (cache, source) = (quick.build().await.unwrap(), Source::open());
    source.write(1);
    assert_eq!(cache.scope(moved(&source, 7)).await, 1);
    let owner = cluster.owner_of(KEY);
    let has_it = async || cluster.replicas[owner].cli(&["DBSIZE"]) == "1";
    eventually("the replica has the value", has_it).await;
    // What is invalidated from here on, the replica does not hear of.
    cluster.replicas[owner].stop_signal();
    cluster.servers[owner].cli(&["CLIENT", "KILL", "TYPE", "replica"]);
    cache.scope(write(&source, 7, 2)).await;
    assert_eq!(cluster.servers[owner].cli(&["EXISTS", KEY]), "0");
    cluster.servers[owner].kill();
    cluster.replicas[owner].continue_signal();
    let is_owner = async || {
        // A replica answers with an error, whichever that is.
        cluster.replicas[owner].cli(&["EXISTS", KEY]).parse::<u64>().is_ok()
    };
    eventually("the replica has taken over", is_owner).await;
    for _ in 0..20 {
        assert_eq!(cache.scope(moved(&source, 7)).await, 2, "the old value is nobody's any more");
    }
    let is_cached = async || {
        let before = source.loads();
        assert_eq!(cache.scope(moved(&source, 7)).await, 2);
        source.loads() == before
    };
    eventually("it caches again", is_cached).await;
}
