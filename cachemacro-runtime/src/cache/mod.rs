//! The handle, and the flows through it: each of the files below reads as its flow does.

mod batch;
mod body;
mod builder;
mod call;
mod current;
mod fresh;
mod guard;
mod guarded;
mod hit;
mod hooks;
mod instant;
mod invalidate;
mod lifetime;
mod mutation;
mod namespace;
mod peek;
mod pending;
mod read;
mod refresh;
mod status;
mod sweep;
mod tags;
mod tuning;
mod warm;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::flight::Flights;
use crate::key::Key;
use crate::site::{Site, roomed};
use crate::store::memory::MemoryLimits;
use crate::task::Tasks;
use crate::tier::{L1, LeaseGuard, Tier};

pub use crate::journal::{JournalLimits, Swept};
pub use crate::tier::Coherence;
pub use batch::BatchCall;
pub use body::Lender;
pub use builder::CacheBuilder;
pub use call::{Call, Owned, PatternBuf, Sought, Target, Targets, Unwritten};
pub use guard::{Guard, WriteThrough};
pub use hooks::{Cause, InvalidationEvent, Subject};
pub use mutation::{Guards, Invalidation, On, Refusable};
pub use peek::{Peek, TierName};
pub use pending::{MaybePending, Pending};
pub use status::{Closed, Status};
pub use tuning::Tuning;
pub use warm::{Warmed, Warming};

pub(crate) use batch::{batch, one};
pub(crate) use current::Resolved;
pub use fresh::Ticket;
pub(crate) use fresh::{Again, Rest, Start, read as read_fresh, refresh as refresh_by_ticket};
pub(crate) use guard::putting;
pub(crate) use hit::{hit, hit_unwritten};
pub(crate) use instant::{read_now, refresh_now};
pub(crate) use invalidate::{invalidate, invalidate_now};
pub(crate) use mutation::{invalidating, invalidating_at_commit};
pub(crate) use peek::{peek, peek_now};
pub(crate) use read::{read, read_missing};
pub(crate) use refresh::{refresh, refresh_owned};
pub(crate) use tags::invalidate_tag;

/// The environment variable that [`Cache::from_env`] reads.
const URL_VARIABLE: &str = "CACHEMACRO_URL";

/// A cache: a handle that is cheap to clone, and shared by its clones.
///
/// An annotated function uses the current one: that of the [scope](Cache::scope) it runs in, or else
/// the [installed](Cache::install) one, or else an embedded one that needs nothing.
///
/// # Examples
///
/// ```
/// use cachemacro_runtime::cache::Cache;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let cache = Cache::memory();
/// let answer = cache.scope(async { 42 }).await;
/// println!("{}", cache.status());
/// # assert_eq!(answer, 42);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tier: Tier,
    /// Why nothing is kept in front of the store, if there is one and nothing is.
    near_off: Option<&'static str>,
    /// What never leaves this process: the tier itself where it is in here, or else one beside it, made
    /// when the first function with `tier = local` asks for it.
    local: OnceLock<Tier>,
    memory: MemoryLimits,
    clock: Clock,
    flights: Arc<Flights<LeaseGuard>>,
    hooks: hooks::Hooks,
    tasks: Tasks,
    /// Whether it never was one: [`Cache::off`].
    is_off: bool,
    settings: Settings,
    /// Who refreshes what is stored, in this process.
    refreshers: Arc<fresh::Refreshers>,
    /// What this process has extended lately.
    touches: fresh::Touches,
    /// Keys that are refreshed whether or not anybody calls.
    keepers: fresh::Keepers,
    tunings: tuning::Tunings,
    /// Calls that wait for one body together.
    gatherings: batch::Gatherings,
}

/// The bounds in time that a builder sets.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// How long a lease holds; it is renewed every third of it.
    lease: Duration,
    /// How long a guard holds; it is renewed every third of it.
    guard: Duration,
    /// How long a call waits for others before it loads for itself.
    wait_max: Duration,
}

impl Cache {
    /// A cache in this process, of 64 MiB and a million entries at most.
    ///
    /// Values stay as they are: nothing is encoded.
    pub fn memory() -> Self {
        CacheBuilder::new().build_memory(MemoryLimits::default())
    }

    /// No cache: functions run as if they had no attribute, each call its body, and nothing is kept.
    ///
    /// For a program that is suspected of its cache: `CACHEMACRO_URL=off://` turns it [off](Self::from_env) from
    /// outside. A store that other processes share is not told of the mutations of this one.
    pub fn off() -> Self {
        CacheBuilder::new().build_off()
    }

    /// Connects to the store at `url`: `redis://host:port/db`, `valkey://…`, `redis+cluster://host:port,host:port`, `memory://`, or none at all:
    /// [`off://`](Self::off).
    ///
    /// What is read again is kept in this process too, in front of a store that others share, and may be behind
    /// it for up to a second; see [`CacheBuilder::near`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the URL cannot be used; the error does not hold it.
    /// [`ErrorKind::Unavailable`] if the store does not answer. A service that should start without
    /// its store connects by [`connect_lazy`](Self::connect_lazy).
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().url(url).build().await
    }

    /// Like [`connect`](Self::connect), and does not mind a store that does not answer: functions run
    /// uncached until it does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the URL cannot be used; the error does not hold it.
    pub async fn connect_lazy(url: &str) -> Result<Self> {
        Self::builder().url(url).lazy().build().await
    }

    /// Connects to the store that the environment variable `CACHEMACRO_URL` names; without it, a cache
    /// in this process.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    pub async fn from_env() -> Result<Self> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) => Self::connect(&url).await,
            Err(std::env::VarError::NotPresent) => Ok(Self::memory()),
            Err(std::env::VarError::NotUnicode(_)) => {
                let detail = "the environment variable CACHEMACRO_URL is not UTF-8";
                Err(Error::new(ErrorKind::Config, "connect", detail))
            }
        }
    }

    /// Sets everything.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }

    /// Makes this the cache of the whole process.
    ///
    /// Calls before it have used an embedded one, which is left as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyInstalled`] if there is one. [`ErrorKind::Collision`] if two annotated functions
    /// could make an equal key; it names both places. [`ErrorKind::Config`] if a function is of a `ttl_class`
    /// that this cache does not have.
    pub fn install(self) -> Result<()> {
        crate::site::check_registry()?;
        tuning::check_classes(&self.inner.tunings)?;
        current::install(self)
    }

    /// Runs `future` with this as its current cache, so that tests run side by side.
    ///
    /// The scope ends where the future spawns a task.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        current::scope(self.clone(), future).await
    }

    /// Removes what is stored under a key. A load of it that is under way will not be stored.
    ///
    /// The key is one of an annotated function, by its companion (`get_user::key(id)`), or any other.
    ///
    /// # Errors
    ///
    /// If the store could not be told. This process then no longer reads the key from the store, and
    /// goes on trying to tell it; but other processes may read the old value until it succeeds.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it goes on in the background.
    pub async fn invalidate(&self, key: &Key) -> Result<()> {
        invalidate::invalidate_key(self, key).await
    }

    /// What it is doing: its store, its size, what is under way.
    pub fn status(&self) -> Status {
        Status::of(&self.inner)
    }

    /// Ends its tasks and connections, within `deadline`, and says what could not be done by then.
    ///
    /// What waits to be invalidated is tried once more. Functions that use the cache afterwards run
    /// uncached.
    pub async fn close(&self, deadline: Duration) -> Closed {
        status::close(&self.inner, deadline).await
    }

    fn tier(&self) -> &Tier {
        &self.inner.tier
    }

    /// The tier in this process.
    fn local(&self) -> &Tier {
        let Inner { tier, local, memory, clock, tunings, .. } = &*self.inner;
        match tier {
            Tier::Local(_) => tier,
            Tier::Shared(_) => local.get_or_init(|| {
                let l1 = L1::new(*memory, &roomed(Site::is_local), clock.clone());
                l1.resize(|site| tunings.memory(site));
                Tier::Local(Arc::new(l1))
            }),
        }
    }

    /// Where the values of a function are.
    #[inline]
    fn tier_of(&self, site: &Site) -> &Tier {
        if site.is_local() { self.local() } else { self.tier() }
    }

    fn tier_of_target(&self, site: Option<&Site>) -> &Tier {
        site.map_or(self.tier(), |site| self.tier_of(site))
    }
}

impl Inner {
    /// Gives the functions with a `memory` of their own what was said of it.
    fn resize(&self) {
        [Some(&self.tier), self.local.get()].into_iter().flatten().for_each(|tier| {
            tier.resize(|site| self.tunings.memory(site));
        });
    }
}

/// Which cache answers does not change the answer.
impl crate::key::Handle for Cache {}

impl Default for Cache {
    /// [`Cache::memory`].
    fn default() -> Self {
        Self::memory()
    }
}
