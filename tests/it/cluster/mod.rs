//! A cache over a Redis Cluster: on three servers all is as on one, and keys may move between them.

mod moving;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, ErrorKind, cache_result, invalidates};
use cachemacro_runtime::store::conformance::{self, Harness};
use cachemacro_runtime::store::redis::{ClusterStore, RedisConfig};
use cachemacro_runtime::store::{Store, StoreFuture};

use crate::support::{RedisCluster, RedisServer, Source, eventually};

/// The machine may be busy.
const BUDGET: Duration = Duration::from_secs(5);

struct OnCluster {
    cluster: RedisCluster,
    store: Arc<ClusterStore>,
}

impl Harness for OnCluster {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn elapse<'a>(&'a self, key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if ttl > Duration::from_millis(10) {
                self.cluster.cli_on(key, &[b"PEXPIRE", key, b"1"]);
            }
            let is_gone = async || self.cluster.cli_on(key, &[b"EXISTS", key]) == "0";
            eventually("the key expires", is_gone).await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms() {
    let cluster = RedisCluster::start(3).await;
    let mut config = RedisConfig::new(cluster.url());
    config.budget = BUDGET;
    let store = Arc::new(ClusterStore::connect(config).await.expect("a connection"));
    conformance::run(&OnCluster { cluster, store }).await;
}

#[tokio::test]
async fn a_store_that_is_dropped_lets_go_of_all_servers() {
    let cluster = RedisCluster::start(3).await;
    let mut config = RedisConfig::new(cluster.url());
    config.budget = BUDGET;
    let store = ClusterStore::connect(config).await.expect("a connection");
    // One of them is the test's own.
    let clients = || cluster.servers.iter().map(|server| server.cli(&["CLIENT", "LIST"]).lines().count());
    assert!(clients().all(|count| count > 1), "it is connected to all");
    drop(store);
    eventually("it has let go", async || clients().all(|count| count == 1)).await;
}

#[cache_result(ttl = "1h", key = "cluster:number:<id>", tags = ["cluster:<id>"], skip(source))]
async fn number(source: &Source, id: u64) -> u64 {
    source.load().await + id
}

#[cache_result(ttl = "1h", key = "cluster:many:<ids>", batch(ids), skip(source))]
async fn many(source: &Source, ids: Vec<u64>) -> HashMap<u64, u64> {
    let loaded = source.load().await;
    ids.into_iter().map(|id| (id, loaded + id)).collect()
}

#[invalidates(tag = "cluster:<id>")]
async fn write_tag(id: u64) {
    let _ = id;
}

async fn connect(cluster: &RedisCluster) -> Cache {
    Cache::builder().url(cluster.url()).budget(BUDGET).near(0).build().await.expect("all servers run")
}

#[tokio::test]
async fn keys_of_all_servers_are_read_filled_and_invalidated_at_once() {
    let cluster = RedisCluster::start(3).await;
    let (cache, source) = (connect(&cluster).await, Source::open());
    let ids: Vec<u64> = (0..100).collect();
    cache
        .scope(async {
            assert_eq!(many(&source, ids.clone()).await[&7], 8);
            assert_eq!(many(&source, ids.clone()).await[&7], 8);
            assert_eq!(source.loads(), 1, "all were stored");
            for server in &cluster.servers {
                let count: u64 = server.cli(&["DBSIZE"]).parse().unwrap();
                assert!((10..90).contains(&count), "each server has some, and not {count}");
            }
            number(&source, 1).await;
            number(&source, 2).await;
            write_tag(1).await;
            number(&source, 2).await;
            assert_eq!(source.loads(), 3);
            number(&source, 1).await;
            assert_eq!(source.loads(), 4, "a tag on another server than its value");
            assert_eq!(
                cache.invalidate_pattern("cluster:many:*").await.unwrap().removed,
                100,
                "all servers are swept"
            );
            many(&source, ids.clone()).await;
            assert_eq!(source.loads(), 5);
        })
        .await;
}

#[tokio::test]
async fn what_is_no_cluster_or_no_url_of_one_is_an_error_that_says_so() {
    let server = RedisServer::start();
    let url = format!("redis+cluster://127.0.0.1:{}", server.port());
    let error = Cache::connect(&url).await.expect_err("it is in no cluster");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("write `redis://`"), "{error}");
    let error = Cache::connect("redis+cluster://secret@host/3").await.expect_err("it has no such database");
    assert!(error.to_string().contains("no databases") && !error.to_string().contains("secret"), "{error}");
    let error = Cache::connect("redis+cluster://127.0.0.1:1").await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // One server of a cluster is no cache.
    let cluster = RedisCluster::start(3).await;
    let cache = Cache::connect(&cluster.servers[0].url()).await.unwrap();
    let source = Source::open();
    cache
        .scope(async {
            for id in 0..9 {
                assert_eq!(number(&source, id).await, 1 + id)
            }
        })
        .await;
}

#[tokio::test]
async fn a_cache_starts_before_its_cluster_answers() {
    let cluster = RedisCluster::start(3).await;
    cluster.servers.iter().for_each(RedisServer::stop_signal);
    let lazy = Cache::builder().url(cluster.url()).budget(Duration::from_millis(50)).near(0).lazy();
    let (cache, source) = (lazy.build().await.unwrap(), Source::open());
    cache.scope(number(&source, 1)).await;
    cluster.servers.iter().for_each(RedisServer::continue_signal);
    let is_stored = async || {
        cache.scope(number(&source, 1)).await;
        let before = source.loads();
        cache.scope(number(&source, 1)).await;
        source.loads() == before
    };
    eventually("it caches", is_stored).await;
}
