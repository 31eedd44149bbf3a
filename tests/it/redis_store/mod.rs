//! The Redis store on a real server: the suite that every store passes, and what only a server can do to it.

mod connecting;
mod contents;
mod guards;
mod outages;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachemacro_runtime::error::Result;
use cachemacro_runtime::store::conformance::{self, Harness};
use cachemacro_runtime::store::redis::{RedisConfig, RedisStore};
use cachemacro_runtime::store::{Ask, Fill, Found, Lease, Permit, Store, StoreFuture, Token, Verdict};

use crate::support::{RedisServer, eventually};

const LEASE_TTL: Duration = Duration::from_secs(60);
/// Room for a slow machine where a test says "at once".
const SOON: Duration = Duration::from_secs(2);

struct OnServer {
    server: RedisServer,
    store: Arc<RedisStore>,
}

impl Harness for OnServer {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn elapse<'a>(&'a self, key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            // What ends by itself in time is left to.
            if ttl > Duration::from_millis(10) {
                self.server.cli_bytes(&[b"PEXPIRE", key, b"1"]);
            }
            eventually("the key expires", || async { self.server.cli_bytes(&[b"EXISTS", key]) == "0" }).await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms() {
    let server = RedisServer::start();
    let store = Arc::new(connect(&server).await);
    conformance::run(&OnServer { server, store }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_on_a_server_before_redis_7() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.before_redis_7 = true;
    let store = Arc::new(RedisStore::connect(config).await.expect("a connection"));
    conformance::run(&OnServer { server, store }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_on_a_socket_with_a_password() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">secret", "~*", "+@all"]);
    let url = format!("unix://{}?user=cache&pass=secret&protocol=resp3", server.socket().display());
    let mut config = RedisConfig::new(url);
    config.budget = Duration::from_secs(5);
    let store = Arc::new(RedisStore::connect(config).await.expect("a connection"));
    conformance::run(&OnServer { server, store }).await;
}

fn config(server: &RedisServer) -> RedisConfig {
    let mut config = RedisConfig::new(server.url());
    // The machine may be busy; tests about the budget set their own.
    config.budget = Duration::from_secs(5);
    config
}

async fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::connect(config(server)).await.expect("a connection")
}

async fn lead(store: &RedisStore, key: &[u8]) -> (Token, Found) {
    let token = Token::random();
    let found = store.lookup(&[Ask { key, lease: Some(Lease { token, ttl: LEASE_TTL }) }]).await.remove(0);
    (token, found)
}

async fn read(store: &RedisStore, key: &[u8]) -> Found {
    store.lookup(&[Ask { key, lease: None }]).await.remove(0)
}

async fn fill(store: &RedisStore, key: &[u8], token: Token) -> Result<Verdict> {
    let payload = Bytes::from_static(b"payload");
    let permit = Permit::Lease(token);
    store.fill(Fill { key, permit, fill_id: Token::random(), payload, ttl: Duration::from_secs(600) }).await
}

async fn put(store: &RedisStore, key: &[u8]) {
    let (token, found) = lead(store, key).await;
    assert!(matches!(found, Found::Lead), "{found:?}");
    assert_eq!(fill(store, key, token).await.expect("an answer"), Verdict::Accepted);
}

/// The ids of the connections to the server, but for the one that asks.
fn ids(server: &RedisServer) -> Vec<String> {
    let list = server.cli(&["CLIENT", "LIST"]);
    let others = list.lines().filter(|line| !line.contains("cmd=client|list"));
    others.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// How many connections the server has, the one that asks included.
fn clients(server: &RedisServer) -> usize {
    server.cli(&["CLIENT", "LIST"]).lines().count()
}
