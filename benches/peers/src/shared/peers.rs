//! Each as its own documentation says, on one connection.

use std::convert::Infallible;
use std::time::Duration;

use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use cachemacro::{Cache, cache_result};
use fred::interfaces::{ClientLike, KeysInterface};
use hitbox::policy::PolicyConfig;
use hitbox_redis::{ConnectionMode, RedisBackend};
use redis::aio::MultiplexedConnection;

/// What answers a call from the server.
pub trait Peer: Sync + 'static {
    const NAME: &'static str;

    /// Stores the value that a call for this id finds.
    fn fill(&self, id: u64) -> impl Future<Output = ()> + Send;

    fn hit(&self, id: u64) -> impl Future<Output = String> + Send;
}

/// The value: 100 bytes.
pub fn text(id: u64) -> String {
    format!("{id:0>100}")
}

/// redis-rs with nothing around it, and no timeout either.
pub struct Get(MultiplexedConnection);

impl Get {
    pub async fn new(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a URL");
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        Self(connection.expect("the server runs"))
    }
}

impl Peer for Get {
    const NAME: &'static str = "redis-rs, multiplexed `GET`";

    async fn fill(&self, id: u64) {
        let mut connection = self.0.clone();
        let set = redis::cmd("SET").arg(format!("get:{id}")).arg(text(id)).query_async(&mut connection).await;
        set.expect("the server runs")
    }

    async fn hit(&self, id: u64) -> String {
        let mut connection = self.0.clone();
        let get = redis::cmd("GET").arg(format!("get:{id}")).query_async(&mut connection).await;
        get.expect("the server runs")
    }
}

/// The command that takes a lease with the lookup, by redis-rs: what ours can be at best beside a `GET`.
pub struct SetGet(Get);

impl SetGet {
    pub async fn new(url: &str) -> Self {
        Self(Get::new(url).await)
    }
}

impl Peer for SetGet {
    const NAME: &'static str = "redis-rs, `SET … NX GET PX`";

    async fn fill(&self, id: u64) {
        self.0.fill(id).await
    }

    async fn hit(&self, id: u64) -> String {
        let mut connection = self.0.0.clone();
        let mut set = redis::cmd("SET");
        set.arg(format!("get:{id}")).arg(b"lease").arg("NX").arg("GET").arg("PX").arg(3000);
        set.query_async(&mut connection).await.expect("the server runs")
    }
}

/// A `GET` that is bounded in time, as each of ours is.
pub struct Bounded(Get);

impl Bounded {
    pub async fn new(url: &str) -> Self {
        Self(Get::new(url).await)
    }
}

impl Peer for Bounded {
    const NAME: &'static str = "redis-rs, `GET` under a timeout";

    async fn fill(&self, id: u64) {
        self.0.fill(id).await
    }

    async fn hit(&self, id: u64) -> String {
        tokio::time::timeout(Duration::from_secs(1), self.0.hit(id)).await.expect("the server runs")
    }
}

pub struct Ours;

#[cache_result(ttl = "1h", key = "shared:<id>")]
async fn ours(id: u64) -> String {
    text(id)
}

impl Ours {
    pub async fn new(url: &str) -> Self {
        let cache = Cache::builder().url(url).connections(1).near(0).build().await.expect("the server runs");
        cache.install().expect("nothing is installed yet");
        Self
    }
}

impl Peer for Ours {
    const NAME: &'static str = "**cachemacro**";

    async fn fill(&self, id: u64) {
        ours(id).await;
    }

    async fn hit(&self, id: u64) -> String {
        ours(id).await
    }
}

pub struct Cached(AsyncRedisCache<u64, String>);

impl Cached {
    pub async fn new(url: &str) -> Self {
        let builder =
            AsyncRedisCache::builder("cached").ttl(Duration::from_secs(3600)).connection_string(url);
        Self(builder.build().await.expect("the server runs"))
    }
}

impl Peer for Cached {
    const NAME: &'static str = "cached, async Redis";

    async fn fill(&self, id: u64) {
        self.0.async_cache_set(id, text(id)).await.expect("the server runs");
    }

    async fn hit(&self, id: u64) -> String {
        self.0.async_cache_get(&id).await.expect("the server runs").expect("a hit")
    }
}

pub struct Fred(fred::clients::Client);

impl Fred {
    pub async fn new(url: &str) -> Self {
        let client =
            fred::types::Builder::from_config(fred::types::config::Config::from_url(url).expect("a URL"))
                .build()
                .expect("a client");
        client.init().await.expect("the server runs");
        Self(client)
    }
}

impl Peer for Fred {
    const NAME: &'static str = "fred, `GET`";

    async fn fill(&self, id: u64) {
        let set = self.0.set::<(), _, _>(format!("fred:{id}"), text(id), None, None, false).await;
        set.expect("the server runs");
    }

    async fn hit(&self, id: u64) -> String {
        self.0.get(format!("fred:{id}")).await.expect("the server runs")
    }
}

pub struct Hitbox(hitbox_fn::Cache<RedisBackend>);

#[hitbox_fn::cached(prefix = "hitbox")]
async fn by_hitbox(id: u64) -> Result<String, Infallible> {
    Ok(text(id))
}

impl Hitbox {
    pub async fn new(url: &str) -> Self {
        let backend = RedisBackend::builder().connection(ConnectionMode::single(url)).build();
        let policy = PolicyConfig::builder().ttl(Duration::from_secs(3600)).build();
        Self(hitbox_fn::Cache::builder().backend(backend.expect("a URL")).policy(policy).build())
    }
}

impl Peer for Hitbox {
    const NAME: &'static str = "hitbox, Redis";

    async fn fill(&self, id: u64) {
        self.hit(id).await;
    }

    async fn hit(&self, id: u64) -> String {
        by_hitbox(id).cache(&self.0).await.unwrap_or_else(|never| match never {})
    }
}
