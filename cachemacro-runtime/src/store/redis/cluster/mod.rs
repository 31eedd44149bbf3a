//! A Redis Cluster: each key is on one of several servers, and may move to another.
//!
//! A [`RedisStore`] for each server does all of the work; here is only which of them is asked. Keys of one slot go in
//! one command, as a cluster takes no other, and commands to one server in one write. Every step of the protocol is of one key, so that
//! a cluster promises for each key what a server does.
//!
//! # When a slot moves
//!
//! A server that no longer has it says so and does nothing, so that the operation is asked again where the slot is now.
//! While its keys are on their way, those that are not where they were fail: calls go uncached, and invalidations wait in the
//! journal. A lease, a guard and a value move as they are.
//!
//! Whenever servers take each other's place, what they acknowledged may be lost: that is a session more, after
//! which the invalidations of the last minute are sent again, and the links on which changes are told are opened anew.

mod seeds;
mod slots;
mod topology;
mod watching;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{RedisConfig, RedisStore};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{
    Ask, Capabilities, Fill, Found, Lease, Page, Put, PutVerdict, RawEntry, Scan, Store, StoreFuture, Token,
    Verdict, Watch, Watching, all_stood,
};
use crate::task::{Tasks, join_all};
use slots::{by_slot, slot_of};
use topology::{Map, Node, is_moved};

/// Where a cursor names the server that is scanned; the rest of it is the server's own.
const NODE_SHIFT: u32 = 56;

/// Leases and values on a Redis or Valkey cluster, shared by all processes that use it.
///
/// It keeps a few connections to each server that has slots, and learns by itself which those are.
pub struct ClusterStore {
    map: Arc<Map>,
    tasks: Tasks,
    /// To each server.
    connections: usize,
    budget: Duration,
    capabilities: Capabilities,
}

impl ClusterStore {
    /// Connects to all servers of the cluster; one that cannot be reached or used now is an error.
    ///
    /// The URL is `redis+cluster://`, with `user:password@` as needed, and one server or more, of which one has to answer:
    /// `redis+cluster://10.0.0.1:6379,10.0.0.2:6379`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for settings that cannot be used, and for a server that is in no cluster;
    /// [`ErrorKind::Unavailable`] for servers that do not answer, [`ErrorKind::Rejected`] for one that refuses to be used.
    pub async fn connect(config: RedisConfig) -> Result<Self> {
        let store = Self::start(config)?;
        store.map.connect().await?;
        Ok(store)
    }

    /// Starts without waiting for a connection, so that a service starts while its cache is down.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for settings that cannot be used, or outside of a tokio runtime.
    pub fn connect_lazily(config: RedisConfig) -> Result<Self> {
        let store = Self::start(config)?;
        store.map.doubt(None);
        Ok(store)
    }

    fn start(config: RedisConfig) -> Result<Self> {
        let RedisConfig { connections, budget, value_bytes_max, .. } = config;
        let tasks = Tasks::new();
        let map = Arc::new(Map::new(config, tasks.clone())?);
        if !tasks.spawn_until_closed(topology::keep_up(Arc::downgrade(&map), map.wakes())) {
            return Err(Error::new(ErrorKind::Config, "redis connect", "there is no tokio runtime here"));
        }
        let capabilities =
            Capabilities { guards: true, ..Capabilities::new(super::KEY_BYTES_MAX, value_bytes_max) };
        Ok(Self { map, tasks, connections, budget, capabilities })
    }

    /// Asks the server that has a key, and again where the key has moved.
    async fn on<T, F>(&self, key: &[u8], ask: impl Fn(Arc<RedisStore>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.budget;
        loop {
            let node = self.map.node_of(slot_of(key)).map_err(|error| error.with_key(key))?;
            let answer = ask(Arc::clone(&node.store)).await;
            if !self.asks_again(&node, answer.as_ref().err(), deadline).await {
                return answer;
            }
        }
    }

    /// Asks the servers that have these keys, once for each slot; `ask` is given the places of those of one slot, and
    /// answers for each.
    async fn on_each<'k, T: Each, F: Future<Output = Vec<T>>>(
        &self,
        keys: impl Iterator<Item = &'k [u8]>,
        ask: impl Fn(Arc<RedisStore>, Vec<usize>) -> F,
    ) -> Vec<T> {
        let deadline = Instant::now() + self.budget;
        let ask = &ask;
        let asking = by_slot(keys).into_iter().map(|(slot, places)| async move {
            loop {
                let node = match self.map.node_of(slot) {
                    Ok(node) => node,
                    Err(error) => {
                        break places
                            .into_iter()
                            .map(|at| (at, T::failed(error.clone())))
                            .collect::<Vec<_>>();
                    }
                };
                let answers = ask(Arc::clone(&node.store), places.clone()).await;
                // All keys of a slot have moved, or none has.
                if !self.asks_again(&node, answers.iter().find_map(T::error), deadline).await {
                    break places.into_iter().zip(answers).collect();
                }
            }
        });
        let mut answers: Vec<(usize, T)> = join_all(asking).await.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// The same for an operation that gives one answer for all keys.
    async fn on_all<'k, T, F: Future<Output = Result<T>>>(
        &self,
        keys: &[&'k [u8]],
        ask: impl Fn(Arc<RedisStore>, Vec<&'k [u8]>) -> F,
    ) -> Result<Vec<T>> {
        let ask = &ask;
        let slots = by_slot(keys.iter().copied()).into_iter();
        let asking = slots.map(|(_, places)| {
            let keys: Vec<&[u8]> = places.iter().map(|at| keys[*at]).collect();
            async move { self.on(keys[0], |store| ask(store, keys.clone())).await }
        });
        join_all(asking).await.into_iter().collect()
    }

    /// Whether a key has moved, and there is time to ask where it is now.
    async fn asks_again(&self, node: &Node, error: Option<&Error>, deadline: Instant) -> bool {
        match error {
            Some(error) if is_moved(error) => self.map.learn(node, deadline).await,
            Some(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut) => {
                // Another server may be taking its place.
                self.map.doubt(None);
                false
            }
            _ => false,
        }
    }
}

impl Store for ClusterStore {
    fn name(&self) -> &'static str {
        "redis cluster"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(self.on_each(asks.iter().map(|ask| ask.key), move |store, places| async move {
            let asks: Vec<Ask<'_>> = places.iter().map(|at| asks[*at]).collect();
            store.lookup(&asks).await
        }))
    }

    fn read_many<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(self.on_each(keys.iter().copied(), move |store, places| async move {
            let keys: Vec<&[u8]> = places.iter().map(|at| keys[*at]).collect();
            store.read_many(&keys).await
        }))
    }

    fn lane(&self, key: &[u8]) -> Option<usize> {
        let node = self.map.node_of(slot_of(key)).ok()?;
        Some(node.number * self.connections + node.store.lane(key)?)
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let fill = &fill;
            self.on(fill.key, |store| async move { store.fill(fill.clone()).await }).await
        })
    }

    fn fill_many<'a>(&'a self, fills: Vec<Fill<'a>>) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move {
            let fills = &fills;
            let keys = fills.iter().map(|fill| fill.key);
            self.on_each(keys, |store, places| async move {
                store.fill_many(places.iter().map(|at| fills[*at].clone()).collect()).await
            })
            .await
        })
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.on(key, move |store| async move { store.renew(key, lease).await }))
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        ttl_left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.on(key, move |store| async move { store.touch(key, fill_id, ttl_left).await }))
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.on(key, move |store| async move { store.release(key, token).await }))
    }

    fn release_many<'a>(&'a self, leases: &'a [(&'a [u8], Token)]) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(self.on_each(leases.iter().map(|(key, _)| *key), move |store, places| async move {
            let leases: Vec<(&[u8], Token)> = places.iter().map(|at| leases[*at]).collect();
            store.release_many(&leases).await
        }))
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(self.on(key, move |store| async move { store.discard(key, fill_id).await }))
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let removed =
                self.on_all(keys, |store, keys| async move { store.invalidate(&keys).await }).await?;
            Ok(removed.into_iter().sum())
        })
    }

    fn sweep<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let removed = self.on_all(keys, |store, keys| async move { store.sweep(&keys).await }).await?;
            Ok(removed.into_iter().sum())
        })
    }

    fn reclaim<'a>(&'a self, keys: &'a [&'a [u8]], current: [u8; 8]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move {
            let ask = |store: Arc<RedisStore>, keys: Vec<&'a [u8]>| async move {
                store.reclaim(&keys, current).await
            };
            Ok(self.on_all(keys, ask).await?.into_iter().sum())
        })
    }

    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async move {
            let number = (scan.cursor >> NODE_SHIFT) as usize;
            let Some(node) = self.map.scanned(number)? else {
                return Ok(Page { keys: Vec::new(), next: None });
            };
            let cursor = scan.cursor & !(u64::MAX << NODE_SHIFT);
            let page = node.store.scan(Scan { cursor, ..scan }).await?;
            let next = match page.next {
                Some(next) if next >> NODE_SHIFT == 0 => Some(next | (number as u64) << NODE_SHIFT),
                Some(_) => {
                    let detail = "the server's cursor is larger than any that is known";
                    return Err(Error::new(ErrorKind::Rejected, "redis scan", detail));
                }
                None => self.map.scanned(number + 1)?.map(|_| (number as u64 + 1) << NODE_SHIFT),
            };
            Ok(Page { keys: page.keys, next })
        })
    }

    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move {
            let ask = |store: Arc<RedisStore>, keys: Vec<&'a [u8]>| async move {
                store.begin_guards(&keys, guard).await
            };
            self.on_all(keys, ask).await.map(drop)
        })
    }

    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let ask = |store: Arc<RedisStore>, keys: Vec<&'a [u8]>| async move {
                store.renew_guards(&keys, guard).await
            };
            Ok(all_stood(self.on_all(keys, ask).await?.into_iter()))
        })
    }

    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move {
            let ask = |store: Arc<RedisStore>, keys: Vec<&'a [u8]>| async move {
                store.end_guards(&keys, token).await
            };
            Ok(all_stood(self.on_all(keys, ask).await?.into_iter()))
        })
    }

    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        Box::pin(async move {
            let put = &put;
            self.on(put.key, |store| async move { store.put(put.clone()).await }).await
        })
    }

    fn read_raw<'a>(&'a self, key: &'a [u8]) -> StoreFuture<'a, Result<Option<RawEntry>>> {
        Box::pin(self.on(key, move |store| async move { store.read_raw(key).await }))
    }

    fn write_raw<'a>(&'a self, key: &'a [u8], raw: RawEntry) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move {
            let raw = &raw;
            self.on(key, |store| async move { store.write_raw(key, raw.clone()).await }).await
        })
    }

    fn sessions(&self) -> Option<watch::Receiver<u64>> {
        Some(self.map.sessions())
    }

    fn watch(&self, watch: Watch) -> StoreFuture<'_, Result<Box<dyn Watching>>> {
        Box::pin(watching::open(&self.map, watch))
    }

    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let nodes = self.map.close();
            let closing = nodes.iter().map(|node| node.store.close(deadline));
            let have_closed = join_all(closing).await.into_iter().all(|has_closed| has_closed);
            self.tasks.close(deadline).await && have_closed
        })
    }
}

impl fmt::Debug for ClusterStore {
    /// No address is printed: with them come credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterStore").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// An answer for one key of several.
trait Each {
    fn failed(error: Error) -> Self;

    fn error(&self) -> Option<&Error>;
}

impl Each for Found {
    fn failed(error: Error) -> Self {
        Self::Failed(error)
    }

    fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl<T> Each for Result<T> {
    fn failed(error: Error) -> Self {
        Err(error)
    }

    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }
}
