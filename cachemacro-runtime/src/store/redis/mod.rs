//! Redis and Valkey: one command or one script for each step of the protocol.
//!
//! # What is stored
//!
//! One string per key; its first 17 bytes, the head, say what it is. Numbers are big-endian.
//!
//! | bytes | lease | value |
//! |---|---|---|
//! | 0 | `L` | `V` |
//! | 1‥17 | its token | its fill id |
//! | 17‥25 | | when it was filled: Redis's own time, in ms since 1970 |
//! | 25‥33 | | the ttl it was filled with, in ms |
//! | 33‥ | | the payload |
//!
//! Guards stand in the place of both:
//!
//! | bytes | guards |
//! |---|---|
//! | 0‥2 | `G` and 1, the version of this layout |
//! | 2 | 1 if they are overlapped, else 0 |
//! | 3‥5 | how many there are: 1 to 1024 |
//! | 5‥13 | when the carried value expires: Redis's time in ms; 0 without one |
//! | 13‥ | for each of them, 16 bytes of token and when it expires, in 8 bytes |
//! | ‥ | the carried value, beside one guard alone: its whole string, of at most 64 KiB of payload |
//!
//! The key expires with the guard that expires last. All other strings are foreign.
//!
//! # What it costs
//!
//! A lookup is one round trip, whatever the number of keys; so are fills, releases, a renewal, an
//! invalidation and each step of a guard, and a second one where the server lost its scripts. Of many keys, up to 64
//! are filled or released by one call of a script, which is half the work of as many calls. A server that refuses
//! writes (full, read-only) costs a lookup a second round trip, and grants no leases.
//!
//! Before Redis 7.0 a lease is asked for with two commands in one round trip; Redis 5 is the oldest
//! whose scripts may read the time. TLS is not spoken yet.

mod asking;
mod baton;
mod clock;
mod cluster;
mod config;
mod dialler;
mod failure;
mod fills;
mod guards;
mod lane;
mod layout;
mod line;
mod lookup;
mod many;
mod packing;
mod raw;
mod replies;
mod scripts;
mod tracking;
mod watchdog;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{
    Ask, Capabilities, Fill, Found, Lease, Page, Put, PutVerdict, RawEntry, Scan, Store, StoreFuture, Token,
    Verdict, Watch, Watching,
};
use crate::error::{Error, ErrorKind, Result};
use crate::task::{Tasks, join_all};

use clock::ServerClock;
use dialler::{Connected, Dialler};
use failure::Failure;
use lane::Lane;
use scripts::{Call, Script};

pub use cluster::ClusterStore;
pub use config::RedisConfig;

/// Redis takes keys of 512 MB; past this they cost more than they name.
const KEY_BYTES_MAX: usize = 64 << 10;

/// Leases and values on one Redis or Valkey server, shared by all processes that use it.
///
/// It keeps a few connections, which all callers share and which come back by themselves: while one
/// is gone, operations on its keys fail at once with [`ErrorKind::Unavailable`].
pub struct RedisStore {
    lanes: Box<[Arc<Lane>]>,
    dialler: Arc<Dialler>,
    /// The connections that all lanes have made.
    sessions: Arc<watch::Sender<u64>>,
    clock: ServerClock,
    tasks: Tasks,
    budget: Duration,
    capabilities: Capabilities,
    /// Whether leases are asked for as before Redis 7.0; set at the first refusal.
    before_redis_7: AtomicBool,
}

impl RedisStore {
    /// Connects; a server that cannot be reached or used now is an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for settings that cannot be used, [`ErrorKind::Unavailable`] for a server
    /// that does not answer, [`ErrorKind::Rejected`] for one that refuses to be used.
    pub async fn connect(config: RedisConfig) -> Result<Self> {
        let dialler = dialler(&config)?;
        let mut connected = Vec::with_capacity(config.connections);
        for dialled in join_all((0..config.connections).map(|_| dialler.dial())).await {
            connected.push(Some(dialled.map_err(|failure| failure.of("redis connect"))?));
        }
        Self::start(config, dialler, connected)
    }

    /// Starts without waiting for a connection, so that a service starts while its cache is down.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for settings that cannot be used, or outside of a tokio runtime.
    pub fn connect_lazily(config: RedisConfig) -> Result<Self> {
        let dialler = dialler(&config)?;
        let none = (0..config.connections).map(|_| None).collect();
        Self::start(config, dialler, none)
    }

    fn start(config: RedisConfig, dialler: Arc<Dialler>, connected: Vec<Option<Connected>>) -> Result<Self> {
        let tasks = Tasks::new();
        let sessions = Arc::new(watch::Sender::new(0));
        let mut lanes = Vec::with_capacity(connected.len());
        for fresh in connected {
            let lane = Arc::new(Lane::new(fresh.as_ref(), config.budget, Arc::clone(&sessions)));
            let kept = lane::keep_up(Arc::downgrade(&lane), dialler.clone(), tasks.clone(), fresh);
            if !tasks.spawn_until_closed(kept) {
                return Err(Error::new(ErrorKind::Config, "redis connect", "there is no tokio runtime here"));
            }
            lanes.push(lane);
        }
        Ok(Self {
            lanes: lanes.into(),
            dialler,
            sessions,
            clock: ServerClock::new(),
            tasks,
            budget: config.budget,
            capabilities: Capabilities {
                guards: true,
                ..Capabilities::new(KEY_BYTES_MAX, config.value_bytes_max)
            },
            before_redis_7: AtomicBool::new(config.before_redis_7),
        })
    }

    /// Which lane carries all operations on this key.
    fn lane_of(&self, key: &[u8]) -> usize {
        if self.lanes.len() == 1 {
            return 0;
        }
        // The remainder is less than the number of lanes, so nothing is cut off.
        (xxhash_rust::xxh3::xxh3_64(key) % self.lanes.len() as u64) as usize
    }

    /// The places of these keys, by lane; lanes with none are left out.
    fn by_lane<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Vec<(&Lane, Vec<usize>)> {
        if let [lane] = &self.lanes[..] {
            let all: Vec<usize> = (0..keys.count()).collect();
            return if all.is_empty() { Vec::new() } else { vec![(lane, all)] };
        }
        let mut groups: Vec<(&Lane, Vec<usize>)> =
            self.lanes.iter().map(|lane| (&**lane, Vec::new())).collect();
        for (at, key) in keys.enumerate() {
            groups[self.lane_of(key)].1.push(at);
        }
        groups.retain(|(_, places)| !places.is_empty());
        groups
    }

    fn open(&self) -> Result<Instant, Failure> {
        if self.tasks.is_closed() { Err(Failure::CLOSED) } else { Ok(Instant::now() + self.budget) }
    }

    /// Refuses a value that is too large.
    fn fits(&self, fill: &Fill<'_>) -> Result<()> {
        let (bytes, most) = (fill.payload.len(), self.capabilities.value_bytes_max);
        if bytes <= most {
            return Ok(());
        }
        let detail = format!("{bytes} bytes are more than the {most} that are allowed");
        Err(Error::new(ErrorKind::Unstorable, "redis fill", detail).with_key(fill.key))
    }

    /// Looks one key up, on the way of a hit: with a small future, and without a list of one.
    async fn look_one_up(&self, asks: &[Ask<'_>; 1]) -> Vec<Found> {
        if let Ok(deadline) = self.open() {
            let lane = &self.lanes[self.lane_of(asks[0].key)];
            let found = lookup::one(lane, asks, &self.before_redis_7, &self.clock, deadline).await;
            if let Some(found) = found {
                return vec![found];
            }
        }
        Box::pin(self.look_up(asks)).await
    }

    async fn look_up(&self, asks: &[Ask<'_>]) -> Vec<Found> {
        let failed = |failure: Failure, ask: &Ask<'_>| Found::Failed(failure.on("redis lookup", ask.key));
        let deadline = match self.open() {
            Ok(deadline) => deadline,
            Err(failure) => return asks.iter().map(|ask| failed(failure, ask)).collect(),
        };
        let groups = self.by_lane(asks.iter().map(|ask| ask.key));
        let lookups = groups.into_iter().map(|(lane, places)| {
            lookup::run(lane, asks, places, &self.before_redis_7, &self.clock, deadline)
        });
        let mut answers: Vec<_> = join_all(lookups).await.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|&(at, _)| at);
        answers.into_iter().map(|(_, found)| found).collect()
    }

    /// Runs a script for one key; its answer is yes or no.
    async fn decide(&self, script: &Script, key: &[u8], args: &[&[u8]]) -> Result<Verdict, Failure> {
        let deadline = self.open()?;
        let lane = &self.lanes[self.lane_of(key)];
        let mut counts = script.run(lane, &[Call { key, args }], deadline).await?;
        counts.pop().unwrap_or(Err(Failure::ODD_REPLY)).map(|count| Verdict::from(count == 1))
    }
}

impl Store for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        match asks.try_into() {
            Ok(one) => Box::pin(self.look_one_up(one)),
            Err(_) => Box::pin(self.look_up(asks)),
        }
    }

    fn read_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(self.get_many(keys))
    }

    fn lane(&self, key: &[u8]) -> Option<usize> {
        Some(self.lane_of(key))
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            self.fits(&fill)?;
            let ttl_ms = layout::ttl_ms(fill.ttl);
            let mut digits = itoa::Buffer::new();
            let args: [&[u8]; 5] = [
                &layout::permit(fill.permit),
                &layout::value_head(fill.fill_id),
                &ttl_ms.to_be_bytes(),
                &fill.payload,
                digits.format(ttl_ms).as_bytes(),
            ];
            self.decide(&scripts::FILL, fill.key, &args).await.map_err(|f| f.on("redis fill", fill.key))
        })
    }

    fn fill_many<'a>(&'a self, fills: Vec<Fill<'a>>) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(self.store_many(fills))
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let mut digits = itoa::Buffer::new();
            let ttl_ms = digits.format(layout::lease_ms(lease));
            let args: [&[u8]; 2] = [&layout::lease(lease.token), ttl_ms.as_bytes()];
            self.decide(&scripts::RENEW, key, &args).await.map_err(|f| f.on("redis renew", key))
        })
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        ttl_left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let mut digits = itoa::Buffer::new();
            let ttl_ms = digits.format(layout::ttl_ms(ttl_left));
            let args: [&[u8]; 2] = [&layout::value_head(fill_id), ttl_ms.as_bytes()];
            self.decide(&scripts::RENEW, key, &args).await.map_err(|f| f.on("redis touch", key))
        })
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let args: [&[u8]; 1] = [&layout::lease(token)];
            self.decide(&scripts::RELEASE, key, &args).await.map_err(|f| f.on("redis release", key))
        })
    }

    fn release_many<'a>(&'a self, leases: &'a [(&'a [u8], Token)]) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(self.give_up_many(leases))
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let args: [&[u8]; 1] = [&layout::value_head(fill_id)];
            self.decide(&scripts::RELEASE, key, &args).await.map_err(|f| f.on("redis discard", key))
        })
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let answers = self.for_each(&guards::INVALIDATE, keys, &[]).await;
            let answers = answers.map_err(|failure| failure.of_keys("redis invalidate", keys))?;
            Ok(answers.into_iter().map(|(_, count)| count).sum())
        })
    }

    fn sweep<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let answers = self.for_each(&guards::SWEEP, keys, &[]).await;
            let answers = answers.map_err(|failure| failure.of_keys("redis sweep", keys))?;
            Ok(answers.into_iter().map(|(_, count)| count).sum())
        })
    }

    fn reclaim<'a>(&'a self, keys: &'a [&'a [u8]], current: [u8; 8]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let answers = self.for_each(&scripts::RECLAIM, keys, &[&current]).await;
            let answers = answers.map_err(|failure| failure.of_keys("redis reclaim", keys))?;
            Ok(answers.into_iter().map(|(_, count)| count).sum())
        })
    }

    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async move {
            let page = async {
                let deadline = self.open()?;
                let mut commands = redis::pipe();
                if scan.cursor == 0 {
                    // Before a sweep: of what is swept, others may keep near what the server has lost.
                    commands.cmd("PUBLISH").arg(scripts::CHANNEL).arg("");
                }
                commands.cmd("SCAN").arg(scan.cursor).arg("MATCH").arg(scan.pattern.as_str());
                commands.arg("COUNT").arg(scan.page_len.max(1));
                page_of(self.lanes[0].call(&commands, deadline).await?.pop())
            };
            page.await.map_err(|failure: Failure| failure.of("redis scan"))
        })
    }

    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        Box::pin(self.begin(keys, guard))
    }

    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.renew_all(keys, guard))
    }

    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.end_all(keys, token))
    }

    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        Box::pin(self.end_with(put))
    }

    fn read_raw<'a>(&'a self, key: &'a [u8]) -> StoreFuture<'a, Result<Option<RawEntry>>> {
        Box::pin(self.read_as_it_stands(key))
    }

    fn write_raw<'a>(&'a self, key: &'a [u8], raw: RawEntry) -> StoreFuture<'a, Result<()>> {
        Box::pin(self.write_as_it_stands(key, raw))
    }

    fn sessions(&self) -> Option<watch::Receiver<u64>> {
        Some(self.sessions.subscribe())
    }

    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        Box::pin(async move {
            self.open().map_err(|failure| failure.of("redis watch"))?;
            let tracking = tracking::open(&self.dialler, &watch).await;
            let tracking = tracking.map_err(|failure| failure.of("redis watch"))?;
            Ok(Box::new(tracking) as Box<dyn Watching>)
        })
    }

    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool> {
        Box::pin(self.tasks.close(deadline))
    }
}

impl fmt::Debug for RedisStore {
    /// The address is not printed: with it come credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("connections", &self.lanes.len())
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

fn dialler(config: &RedisConfig) -> Result<Arc<Dialler>> {
    Ok(Arc::new(Dialler { server: config.check()?, timeout: config.connect_timeout }))
}

/// The reply to SCAN: a cursor, which is 0 at the end, and keys.
fn page_of(reply: Option<Value>) -> Result<Page, Failure> {
    let parts = match reply {
        Some(Value::ServerError(error)) => return Err(Failure::from(&error)),
        Some(Value::Array(parts)) => <[Value; 2]>::try_from(parts).ok(),
        _ => None,
    };
    let Some([Value::BulkString(cursor), Value::Array(found)]) = parts else {
        return Err(Failure::ODD_REPLY);
    };
    let cursor = std::str::from_utf8(&cursor).ok().and_then(|text| text.parse::<u64>().ok());
    let cursor = cursor.ok_or(Failure::ODD_REPLY)?;
    let mut keys = Vec::with_capacity(found.len());
    for key in found {
        let Value::BulkString(key) = key else { return Err(Failure::ODD_REPLY) };
        keys.push(key);
    }
    Ok(Page { keys, next: (cursor != 0).then_some(cursor) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn a_key_keeps_its_lane_and_keys_take_all_lanes() {
        let mut config = RedisConfig::new("redis://127.0.0.1:1");
        config.connections = 8;
        let store = RedisStore::connect_lazily(config).expect("a usable config");
        let lanes = || (0..200_u8).map(|key| store.lane_of(&[key])).collect::<Vec<_>>();
        let first = lanes();
        assert_eq!(lanes(), first);
        assert_eq!(first.into_iter().collect::<BTreeSet<_>>(), (0..8).collect());
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing {
    //! Any bytes, read as a reader would.

    use std::time::Duration;

    use super::layout::{Stored, decode as stored};
    use super::replies::{strings, values};

    /// What stands for replies.
    pub(crate) fn replies(data: &[u8]) {
        let bytes = bytes::Bytes::copy_from_slice(data);
        let _ = values(bytes.clone(), 2);
        for count in 0..4 {
            let _ = strings(bytes.clone(), count).map(Iterator::count);
        }
    }

    /// The payload of a value, or of one that guards carry.
    pub(crate) fn decode(data: &[u8]) -> Option<bytes::Bytes> {
        if let Stored::Guarded(guards) = stored(data.to_vec(), None) {
            let _ = guards.carried_by(Duration::from_millis(1));
        }
        match stored(data.to_vec(), Some(u64::MAX)) {
            Stored::Value(entry) => Some(entry.payload),
            Stored::Guarded(guards) => guards.carried().map(|entry| entry.payload),
            _ => None,
        }
    }
}
