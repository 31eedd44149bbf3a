//! All that can be set on a cache.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cache::batch::Gatherings;
use crate::cache::fresh::{Keepers, Refreshers, Touches};
use crate::cache::hooks::Hooks;
use crate::cache::tuning::{Told, Tunings};
use crate::cache::{Cache, Cause, Inner, InvalidationEvent, Settings, Subject, Tuning};
use crate::clock::Clock;
use crate::codec::{AnyCodec, Named};
use crate::error::{Error, ErrorKind, Result};
use crate::flight::Flights;
use crate::form::Encoding;
use crate::journal::Delivered;
use crate::journal::JournalLimits;
use crate::key::{ERA_KEY, Key, Namespace};
use crate::policy::TtlClass;
use crate::site::{Site, roomed};
use crate::store::memory::MemoryLimits;
use crate::store::{Namespaced, Store};
use crate::tag::Tag;
use crate::task::Tasks;
use crate::tier::{L1, L2, Near, NearLimits, Tier};

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
///     .on_invalidation(|event| println!("{} is gone", event.subject))
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
    journal: JournalLimits,
    clock: Clock,
    hooks: Hooks,
    settings: Settings,
    told: Told,
    #[cfg(feature = "tuning-file")]
    tuning_file: Option<Arc<std::path::Path>>,
    encoding: Option<Encoding>,
    lazy: bool,
    budget: Duration,
    connections: usize,
    near: NearLimits,
    near_prefixes: Option<Vec<String>>,
    namespace: Option<String>,
}

impl CacheBuilder {
    pub(super) fn new() -> Self {
        Self {
            url: None,
            store: None,
            memory: MemoryLimits::default(),
            journal: JournalLimits::default(),
            clock: Clock::system(),
            hooks: Hooks::default(),
            settings: Settings {
                lease: Duration::from_secs(3),
                guard: Duration::from_secs(10),
                wait_max: Duration::from_secs(10),
            },
            told: Told::default(),
            #[cfg(feature = "tuning-file")]
            tuning_file: None,
            encoding: None,
            lazy: false,
            budget: Duration::from_millis(250),
            connections: 2,
            near: NearLimits::default(),
            near_prefixes: None,
            namespace: None,
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

    /// What all keys of this cache begin with in a store that others use too: with `app`, `user:42` is stored under
    /// `app:user:42`. So are tags, leases, guards and what a pattern looks for; annotations and calls name keys
    /// without it. A `{…}` in a key is what Redis hashes, as before.
    ///
    /// With a namespace, [`Cache::invalidate_all`] invalidates all of it at once, for which each lookup asks for one
    /// key more, in the same round trip.
    ///
    /// Letters and digits of any language, `-`, `_`, `.` and `@`. All processes that share values name the same
    /// namespace. Without a store it changes nothing.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = Some(name.into());
        self
    }

    /// The bounds of what is kept in this process.
    #[must_use]
    pub fn memory(mut self, limits: MemoryLimits) -> Self {
        self.memory = limits;
        self
    }

    /// The bounds of what waits for a store that does not answer.
    #[must_use]
    pub fn journal(mut self, limits: JournalLimits) -> Self {
        self.journal = limits;
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

    /// How many bytes of what is read again are kept in this process, in front of a shared store: 64 MiB by
    /// default, as many as a cache without a store takes. 0 keeps nothing.
    ///
    /// A hit on it takes no round trip, and may be behind the store: by about a round trip as a rule, and by the
    /// bound on [staleness](Self::staleness) at most. In the process that invalidates it is not behind. A
    /// function with `consistency = strict` does without.
    ///
    /// The store has to tell of its changes: Redis from 6.0 on, Valkey. With another one nothing is kept, which is
    /// said once and in the [status](Cache::status). Kept are functions whose keys begin with text, and are not
    /// shared with other programs (`codec = Raw<…>`), whose readers are to see at once what those write.
    #[must_use]
    pub fn near(mut self, bytes_max: u64) -> Self {
        self.near.bytes_max = bytes_max;
        self
    }

    /// How far what is kept [near](Self::near) may be behind the store, 1 s by default; at least 50 ms.
    ///
    /// A store that does not confirm in time that it has told of all changes is asked each time. The time is
    /// that of `CLOCK_MONOTONIC`, which stands still while a virtual machine is suspended.
    #[must_use]
    pub fn staleness(mut self, staleness: Duration) -> Self {
        self.near.staleness = staleness;
        self
    }

    /// How the keys begin that are kept near, instead of those of all annotated functions.
    #[doc(hidden)]
    #[must_use]
    pub fn near_prefixes(mut self, prefixes: &[&str]) -> Self {
        self.near_prefixes = Some(prefixes.iter().map(|&prefix| prefix.to_owned()).collect());
        self
    }

    /// The codec of the functions that do not name theirs: [`Bincode`](crate::codec::Bincode) unless its feature
    /// is off. What it cannot carry is stored as JSON, which the [status](Cache::status) then says.
    #[must_use]
    pub fn codec(mut self, codec: impl Named) -> Self {
        self.encoding = Some(codec.encoding());
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

    /// How long the guard of a mutation holds, 10 s by default; at least 100 ms.
    ///
    /// It is renewed while the body runs, so that a body may take longer. It has to outlast every pause
    /// of the process and every partition between it and the store: a mutation that commits after its
    /// guard has run out, and then dies, leaves the old value until its ttl.
    #[must_use]
    pub fn guard(mut self, guard: Duration) -> Self {
        self.settings.guard = guard.max(Duration::from_millis(100));
        self
    }

    /// How long a call waits for the load of another, 10 s by default; it then loads for itself.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> Self {
        self.settings.wait_max = wait_max;
        self
    }

    /// Sets how long the values of a class live: `ttl_class = "…"` names it.
    ///
    /// There are `static` (24 h), `user` (1 h), `realtime` (1 min) and `computed`
    /// ([`TtlClass::COMPUTED`]); each may be set otherwise.
    #[must_use]
    pub fn ttl_class(mut self, name: impl Into<String>, class: TtlClass) -> Self {
        self.told.classes.insert(name.into(), class);
        self
    }

    /// A file of what [`ttl_class`](Self::ttl_class) and [`tune`](Self::tune) say, in TOML: it goes before both,
    /// and is read again within a second or two when it changes, until the cache is closed.
    ///
    /// ```toml
    /// [class]
    /// user = "30m"
    ///
    /// [function.get_user]
    /// ttl = "10m"
    /// stale_if_error = "2h"
    /// value_bytes_max = "64KiB"
    /// memory = "16MiB"
    /// ```
    ///
    /// A file with a mistake is refused with its line: by [`build`](Self::build) at first, and later by an event
    /// and a note in the [status](Cache::status), while all stays as it was.
    #[cfg(feature = "tuning-file")]
    #[must_use]
    pub fn tuning_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.tuning_file = Some(path.into().into());
        self
    }

    /// Says something of the functions of a name in place of their attributes; see [`Cache::tune`].
    #[must_use]
    pub fn tune(mut self, name: impl Into<String>, tuning: Tuning) -> Self {
        self.told.functions.insert(name.into(), tuning);
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
    /// Those of [`Cache::connect`]. [`ErrorKind::Config`] if something is said of a function or a class that
    /// cannot be.
    pub async fn build(mut self) -> Result<Cache> {
        self.told.check()?;
        #[cfg(feature = "tuning-file")]
        if let Some(path) = &self.tuning_file {
            super::tuning::file::read(path)?;
        }
        let namespace = self.namespace.as_deref().map(Namespace::new).transpose().map_err(config)?;
        let store = match (self.store.take(), self.url.take()) {
            (Some(_), Some(_)) => return Err(config("a cache has a store or a URL; set one of the two")),
            (Some(store), None) => store,
            (None, Some(url)) => match scheme(&url)? {
                Scheme::Memory => return Ok(self.build_local()),
                Scheme::Off => return Ok(self.build_off()),
                Scheme::Redis => self.connect_redis(&url).await?,
            },
            (None, None) => return Ok(self.build_local()),
        };
        let codec = AnyCodec::of(self.encoding)?;
        let tasks = Tasks::new();
        let hooks = self.hooks.clone();
        let on_delivered = Arc::new(move |delivered: Delivered<'_>| match delivered {
            Delivered::Key(key) => {
                if key == ERA_KEY {
                    return hooks.call(Subject::All, Cause::Delayed);
                }
                if let Some(tag) = Tag::of_key(key) {
                    return hooks.call(Subject::Tag(&tag), Cause::Delayed);
                }
                hooks.call(Subject::Key(&Key::new(String::from_utf8_lossy(key))), Cause::Delayed);
            }
            Delivered::Pattern(pattern) => hooks.call(Subject::Pattern(pattern), Cause::Delayed),
        });
        let has_eras = namespace.is_some();
        let store = match namespace {
            Some(namespace) => Arc::new(Namespaced::new(store, namespace)),
            None => store,
        };
        let (near, near_off) = match self.make_near(&*store) {
            Ok(near) => (Some(near), None),
            Err(why) => (None, Some(why)),
        };
        let l2 = L2::new(store, codec, tasks.clone(), self.journal, on_delivered, near, has_eras);
        Ok(self.finish(Tier::Shared(Arc::new(l2)), tasks, near_off))
    }

    /// The tier in front of a store; or why there is none.
    fn make_near(&self, store: &dyn Store) -> std::result::Result<Arc<Near>, &'static str> {
        if self.near.bytes_max == 0 {
            return Err("it was turned off by `near(0)`");
        }
        if !store.capabilities().shared {
            return Err("the store is in this process");
        }
        let registered: Vec<&str> = match &self.near_prefixes {
            Some(prefixes) => prefixes.iter().map(String::as_str).collect(),
            None => crate::site::near_prefixes().collect(),
        };
        if registered.iter().all(|prefix| prefix.is_empty()) {
            return Err("there is no function whose values may be kept, with a key that begins with text");
        }
        let era = self.namespace.is_some().then_some(ERA_KEY);
        let prefixes = registered.iter().map(|prefix| prefix.as_bytes()).chain(era);
        Ok(Arc::new(Near::new(self.near, prefixes, &roomed(Site::may_be_near), self.clock.clone())))
    }

    pub(super) fn build_memory(mut self, limits: MemoryLimits) -> Cache {
        self.memory = limits;
        self.build_local()
    }

    pub(super) fn build_off(self) -> Cache {
        let tier = Tier::Local(Arc::new(L1::new(self.memory, &roomed(|_| true), self.clock.clone())));
        // To a call it is a cache that was closed.
        self.finish(tier, Tasks::closed(), None)
    }

    fn build_local(self) -> Cache {
        let tier = Tier::Local(Arc::new(L1::new(self.memory, &roomed(|_| true), self.clock.clone())));
        self.finish(tier, Tasks::new(), None)
    }

    fn finish(self, tier: Tier, tasks: Tasks, near_off: Option<&'static str>) -> Cache {
        #[cfg(feature = "tuning-file")]
        let tuning_file = self.tuning_file;
        let Self { hooks, settings, memory, clock, told, .. } = self;
        let (refreshers, touches) = (Arc::new(Refreshers::new(clock.clone())), Touches::new(clock.clone()));
        let tunings = Tunings::new(told);
        let (local, flights) = (OnceLock::new(), Arc::new(Flights::new()));
        let is_off = tasks.is_closed();
        let inner = Inner {
            tier,
            near_off,
            local,
            memory,
            clock,
            flights,
            hooks,
            tasks,
            is_off,
            settings,
            refreshers,
            touches,
            keepers: Keepers::default(),
            tunings,
            gatherings: Gatherings::default(),
        };
        inner.resize();
        let cache = Cache { inner: Arc::new(inner) };
        #[cfg(feature = "tuning-file")]
        if let Some(path) = tuning_file {
            let watch = super::tuning::file::watch(Arc::clone(&path), Arc::downgrade(&cache.inner));
            super::tuning::file::look(&path, &cache.inner);
            cache.inner.tasks.spawn_until_closed(watch);
        }
        cache
    }

    #[cfg(feature = "redis")]
    async fn connect_redis(&self, url: &str) -> Result<Arc<dyn Store>> {
        use crate::store::redis::{ClusterStore, RedisConfig, RedisStore};
        let mut config = RedisConfig::new(url);
        config.budget = self.budget;
        config.connections = self.connections;
        if url.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("+cluster")) {
            let store = match self.lazy {
                true => ClusterStore::connect_lazily(config)?,
                false => ClusterStore::connect(config).await?,
            };
            return Ok(Arc::new(store));
        }
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
            .field("journal", &self.journal)
            .field("settings", &self.settings)
            .field("lazy", &self.lazy)
            .field("budget", &self.budget)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

enum Scheme {
    Memory,
    Off,
    Redis,
}

/// Which store a URL is for. Its error never holds the URL.
fn scheme(url: &str) -> Result<Scheme> {
    match url.split_once("://") {
        Some(("memory", _)) => Ok(Scheme::Memory),
        Some(("off", _)) => Ok(Scheme::Off),
        Some((
            "redis" | "valkey" | "redis+unix" | "valkey+unix" | "unix" | "redis+cluster" | "valkey+cluster",
            _,
        )) => Ok(Scheme::Redis),
        Some(("rediss" | "valkeys" | "redis+sentinel" | "memcached", _)) => Err(config(
            "this version speaks `redis://`, `redis+cluster://`, `valkey://` and `memory://`; TLS, sentinel and memcached are not in it",
        )),
        Some(_) => Err(config(
            "the URL's scheme is unknown; write `redis://`, `valkey://`, `redis+cluster://`, `memory://` or `off://`",
        )),
        None => Err(config("the URL has no scheme; write `redis://host:port/` or `memory://`")),
    }
}

fn config(detail: &'static str) -> Error {
    Error::new(ErrorKind::Config, "connect", detail)
}
