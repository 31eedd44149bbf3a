//! All that can be set on a cache.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cache::hooks::Hooks;
use crate::cache::{Cache, Cause, Inner, InvalidationEvent, Settings};
use crate::clock::Clock;
use crate::codec::AnyCodec;
use crate::error::{Error, ErrorKind, Result};
use crate::flight::Flights;
use crate::key::Key;
use crate::store::Store;
use crate::store::memory::MemoryLimits;
use crate::task::Tasks;
use crate::tier::{L1, L2, Tier};

/// Sets everything; see [`Cache::builder`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cachemacro_runtime::cache::Cache;
/// use cachemacro_runtime::store::memory::MemoryLimits;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let cache = Cache::builder()
///     .memory(MemoryLimits { bytes_max: 16 << 20, ..MemoryLimits::default() })
///     .wait_max(Duration::from_secs(2))
///     .on_invalidation(|event| println!("{} is gone", event.key))
///     .build()
///     .await?;
/// # Ok::<(), cachemacro_runtime::error::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct CacheBuilder {
    url: Option<String>,
    store: Option<Arc<dyn Store>>,
    memory: MemoryLimits,
    clock: Clock,
    hooks: Hooks,
    settings: Settings,
    lazy: bool,
    budget: Duration,
    connections: usize,
}

impl CacheBuilder {
    pub(super) fn new() -> Self {
        Self {
            url: None,
            store: None,
            memory: MemoryLimits::default(),
            clock: Clock::system(),
            hooks: Hooks::default(),
            settings: Settings { lease: Duration::from_secs(3), wait_max: Duration::from_secs(10) },
            lazy: false,
            budget: Duration::from_millis(250),
            connections: 2,
        }
    }

    /// The store to connect to; see [`Cache::connect`].
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// A store of your own, instead of a URL's.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The bounds of what is kept in this process.
    #[must_use]
    pub fn memory(mut self, limits: MemoryLimits) -> Self {
        self.memory = limits;
        self
    }

    /// The clock of what is kept in this process. A test injects [`Clock::manual`].
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Does not mind a store that does not answer yet.
    #[must_use]
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// How long one operation of the store may take, 250 ms by default: an outage costs a call no more.
    #[must_use]
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// How many connections to the store there are, 2 by default. Each is shared by all calls at once.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a lease holds, 3 s by default; at least 100 ms.
    ///
    /// It is renewed while the body runs, so that a body may take longer. If a process dies while it
    /// loads, others wait this long for the key.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// How long a call waits for the load of another, 10 s by default; it then loads for itself.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> Self {
        self.settings.wait_max = wait_max;
        self
    }

    /// Adds a hook that sees every key that is invalidated, after the store has taken it.
    ///
    /// It runs where the invalidation does, so it must be short; it must not panic.
    #[must_use]
    pub fn on_invalidation(mut self, hook: impl Fn(&InvalidationEvent<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.push(Arc::new(hook));
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::connect`].
    pub async fn build(mut self) -> Result<Cache> {
        let store = match (self.store.take(), self.url.take()) {
            (Some(_), Some(_)) => return Err(config("a cache has a store or a URL; set one of the two")),
            (Some(store), None) => store,
            (None, Some(url)) => match scheme(&url)? {
                Scheme::Memory => return Ok(self.build_local()),
                Scheme::Redis => self.connect_redis(&url).await?,
            },
            (None, None) => return Ok(self.build_local()),
        };
        let codec = AnyCodec::default_codec()?;
        let tasks = Tasks::new();
        let hooks = self.hooks.clone();
        let on_delivered = Arc::new(move |key: &[u8]| {
            hooks.call(&Key::new(String::from_utf8_lossy(key)), Cause::Delayed);
        });
        let l2 = L2::new(store, codec, tasks.clone(), on_delivered);
        Ok(self.finish(Tier::Shared(Arc::new(l2)), tasks))
    }

    pub(super) fn build_memory(mut self, limits: MemoryLimits) -> Cache {
        self.memory = limits;
        self.build_local()
    }

    fn build_local(self) -> Cache {
        let tier = Tier::Local(Arc::new(L1::new(self.memory, self.clock.clone())));
        self.finish(tier, Tasks::new())
    }

    fn finish(self, tier: Tier, tasks: Tasks) -> Cache {
        let Self { hooks, settings, memory, clock, .. } = self;
        let (local, flights) = (OnceLock::new(), Arc::new(Flights::new()));
        Cache { inner: Arc::new(Inner { tier, local, memory, clock, flights, hooks, tasks, settings }) }
    }

    #[cfg(feature = "redis")]
    async fn connect_redis(&self, url: &str) -> Result<Arc<dyn Store>> {
        use crate::store::redis::{RedisConfig, RedisStore};
        let mut config = RedisConfig::new(url);
        config.budget = self.budget;
        config.connections = self.connections;
        let store =
            if self.lazy { RedisStore::connect_lazily(config)? } else { RedisStore::connect(config).await? };
        Ok(Arc::new(store))
    }

    #[cfg(not(feature = "redis"))]
    async fn connect_redis(&self, _url: &str) -> Result<Arc<dyn Store>> {
        Err(config("`redis://` needs the feature `redis` of cachemacro"))
    }
}

impl fmt::Debug for CacheBuilder {
    /// The URL may hold a password, and is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("memory", &self.memory)
            .field("settings", &self.settings)
            .field("lazy", &self.lazy)
            .field("budget", &self.budget)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

enum Scheme {
    Memory,
    Redis,
}

/// Which store a URL is for. Its error never holds the URL.
fn scheme(url: &str) -> Result<Scheme> {
    match url.split_once("://") {
        Some(("memory", _)) => Ok(Scheme::Memory),
        Some(("redis" | "valkey" | "redis+unix" | "valkey+unix" | "unix", _)) => Ok(Scheme::Redis),
        Some(("rediss" | "valkeys" | "redis+sentinel" | "redis+cluster" | "memcached", _)) => Err(config(
            "this version speaks `redis://`, `valkey://` and `memory://`; TLS, sentinel, cluster and memcached are not in it",
        )),
        Some(_) => Err(config("the URL's scheme is unknown; write `redis://`, `valkey://` or `memory://`")),
        None => Err(config("the URL has no scheme; write `redis://host:port/` or `memory://`")),
    }
}

fn config(detail: &'static str) -> Error {
    Error::new(ErrorKind::Config, "connect", detail)
}
