//! Which server has which slot, and how that is found out: by asking any of them, whenever one says that a key has moved
//! or does not answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::{AsyncConnectionConfig, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::dialler::Dialler;
use super::super::failure::Failure;
use super::super::{RedisConfig, RedisStore};
use super::seeds::{Address, Seeds};
use super::slots::SLOTS;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::task::{Tasks, join_all};

/// How long one server has to say which server has which slot; there are others.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long it is until they are asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// No server has the slot.
const NOBODY: u16 = u16::MAX;

/// One server of the cluster.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: Address,
    /// Its place among the nodes.
    pub(super) number: usize,
    pub(super) store: Arc<RedisStore>,
}

/// Which server has which slot, as far as is known.
struct Topology {
    /// The numbers of nodes, by slot.
    owners: Box<[u16]>,
    nodes: Vec<Arc<Node>>,
}

/// The topology, and what it takes to keep it up.
pub(super) struct Map {
    seeds: Seeds,
    tasks: Tasks,
    current: ArcSwap<Topology>,
    /// How many topologies there were.
    changes: watch::Sender<u64>,
    /// How often the servers were asked.
    rounds: watch::Sender<u64>,
    /// The connections that were made, and the changes.
    sessions: Arc<watch::Sender<u64>>,
    doubt: Arc<Notify>,
    /// Who is to be asked first, as it has said that a key has moved. Never held across an await.
    first: Mutex<Option<Address>>,
}

/// Asks again whenever there is doubt, for as long as there is a map.
pub(super) async fn keep_up(map: Weak<Map>, doubt: Arc<Notify>) {
    loop {
        doubt.notified().await;
        let Some(map) = map.upgrade() else { return };
        // That nobody answers is what callers hear of their operations.
        let _ = map.refresh(false).await;
        map.rounds.send_modify(|rounds| *rounds += 1);
        drop(map);
        sleep(PAUSE).await;
    }
}

impl Drop for Map {
    /// Wakes who keeps it up, and finds it gone.
    fn drop(&mut self) {
        self.doubt.notify_one();
    }
}

impl Map {
    pub(super) fn new(config: RedisConfig, tasks: Tasks) -> Result<Self> {
        let nobody = Topology { owners: vec![NOBODY; SLOTS].into(), nodes: Vec::new() };
        Ok(Self {
            seeds: Seeds::of(config)?,
            tasks,
            current: ArcSwap::from_pointee(nobody),
            changes: watch::Sender::new(0),
            rounds: watch::Sender::new(0),
            sessions: Arc::new(watch::Sender::new(0)),
            doubt: Arc::default(),
            first: Mutex::new(None),
        })
    }

    /// Finds out who is there, and connects to all of them.
    pub(super) async fn connect(&self) -> Result<()> {
        self.refresh(true).await
    }

    /// The server that has a slot.
    pub(super) fn node_of(&self, slot: usize) -> Result<Arc<Node>> {
        let topology = self.current.load();
        let node = topology.owners.get(slot).and_then(|owner| topology.nodes.get(usize::from(*owner)));
        node.cloned().ok_or_else(|| {
            self.doubt(None);
            let detail = "no server of the cluster is known to have the key";
            Error::new(ErrorKind::Unavailable, "redis cluster", detail)
        })
    }

    /// The server of this number, if there is one.
    ///
    /// # Errors
    ///
    /// If none is known at all.
    pub(super) fn scanned(&self, number: usize) -> Result<Option<Arc<Node>>> {
        let topology = self.current.load();
        if topology.nodes.is_empty() {
            self.doubt(None);
            let detail = "no server of the cluster is known yet";
            return Err(Error::new(ErrorKind::Unavailable, "redis scan", detail));
        }
        Ok(topology.nodes.get(number).cloned())
    }

    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        self.current.load().nodes.clone()
    }

    /// A number that is in one of a server's slots, as text.
    pub(super) fn number_on(&self, node: &Node) -> Option<String> {
        let topology = self.current.load();
        let numbers = 0..64 * SLOTS as u64;
        numbers
            .map(|number| number.to_string())
            .find(|number| usize::from(topology.owners[super::slot_of(number.as_bytes())]) == node.number)
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn sessions(&self) -> watch::Receiver<u64> {
        self.sessions.subscribe()
    }

    /// Wakes who keeps it up.
    pub(super) fn wakes(&self) -> Arc<Notify> {
        Arc::clone(&self.doubt)
    }

    /// Has the servers asked again, this one first.
    pub(super) fn doubt(&self, first: Option<Address>) {
        if first.is_some() {
            *self.first.lock().unwrap_or_else(PoisonError::into_inner) = first;
        }
        self.doubt.notify_one();
    }

    /// Finds out where the slot of a key is now that this server does not have any more; says whether that was in
    /// time.
    pub(super) async fn learn(&self, node: &Node, deadline: Instant) -> bool {
        let mut rounds = self.rounds.subscribe();
        self.doubt(Some(node.address.clone()));
        matches!(timeout_at(deadline, rounds.changed()).await, Ok(Ok(())))
    }

    /// Forgets all servers, and returns them.
    pub(super) fn close(&self) -> Vec<Arc<Node>> {
        let nobody = Topology { owners: vec![NOBODY; SLOTS].into(), nodes: Vec::new() };
        self.current.swap(Arc::new(nobody)).nodes.clone()
    }

    /// Asks one server after the other, until one answers, and goes by what it says.
    async fn refresh(&self, waits: bool) -> Result<()> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let known = self.nodes();
        let known = known.iter().map(|node| &node.address).chain(&self.seeds.addresses).cloned();
        let mut why = None;
        for address in first.into_iter().chain(known) {
            match self.ask(&address).await {
                Ok(owners) => return self.adopt(owners, waits).await,
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(why.unwrap_or_else(|| Failure::UNANSWERED.of("redis connect")))
    }

    /// Which server has which slots, as one of them says.
    async fn ask(&self, address: &Address) -> Result<Vec<Owner>> {
        let config = self.seeds.config_of(address);
        let dialler = Dialler { server: config.check()?, timeout: PATIENCE };
        let ask = async {
            let opened = dialler.open(dialler.server.redis_settings(), AsyncConnectionConfig::new()).await?;
            let (mut connection, mut driver) = (opened.connection, opened.driver);
            let mut command = redis::cmd("CLUSTER");
            command.arg("SLOTS");
            tokio::select! {
                _ = &mut driver => Err(Failure::LOST),
                answer = connection.send_packed_command(&command) => answer.map_err(|error| Failure::from(&error)),
            }
        };
        let answer = timeout(PATIENCE, ask).await.unwrap_or(Err(Failure::UNANSWERED));
        match answer.map_err(|failure| failure.of("redis connect"))? {
            Value::ServerError(error) if error.code() == "ERR" => {
                let detail = "the server is in no cluster; write `redis://` in the URL";
                Err(Error::new(ErrorKind::Config, "redis connect", detail))
            }
            Value::ServerError(error) => Err(Failure::from(&error).of("redis connect")),
            Value::Array(ranges) if !ranges.is_empty() => {
                let owners = ranges.into_iter().map(|range| Owner::of(range, address));
                let owners: Option<Vec<Owner>> = owners.collect();
                owners.ok_or_else(|| Failure::ODD_REPLY.of("redis connect"))
            }
            Value::Array(_) => {
                let detail = "no server of the cluster has any slots yet";
                Err(Error::new(ErrorKind::Unavailable, "redis connect", detail))
            }
            _ => Err(Failure::ODD_REPLY.of("redis connect")),
        }
    }

    /// Makes this the topology, if it is another one.
    async fn adopt(&self, ranges: Vec<Owner>, waits: bool) -> Result<()> {
        let before = self.current.load_full();
        let mut numbers: BTreeMap<Address, usize> = BTreeMap::new();
        for range in &ranges {
            let next = numbers.len();
            numbers.entry(range.address.clone()).or_insert(next);
        }
        let mut owners = vec![NOBODY; SLOTS];
        for range in &ranges {
            let slots = owners.get_mut(range.first..=range.last);
            slots.ok_or_else(|| Failure::ODD_REPLY.of("redis connect"))?.fill(numbers[&range.address] as u16);
        }
        let is_same = *owners == *before.owners
            && numbers
                .iter()
                .all(|(address, at)| before.nodes.get(*at).is_some_and(|node| node.address == *address));
        if is_same {
            return Ok(());
        }
        let made =
            join_all(numbers.into_iter().map(|(address, number)| self.node(&before, address, number, waits)));
        let mut nodes: Vec<Arc<Node>> = made.await.into_iter().collect::<Result<_>>()?;
        nodes.sort_unstable_by_key(|node| node.number);
        self.current.store(Arc::new(Topology { owners: owners.into(), nodes }));
        self.changes.send_modify(|changes| *changes += 1);
        self.sessions.send_modify(|sessions| *sessions += 1);
        Ok(())
    }

    /// A server with this number: one that is known already, or a new one.
    async fn node(
        &self,
        before: &Topology,
        address: Address,
        number: usize,
        waits: bool,
    ) -> Result<Arc<Node>> {
        let known = before.nodes.iter().find(|node| node.address == address);
        if let Some(node) = known {
            let store = Arc::clone(&node.store);
            return Ok(Arc::new(Node { address, number, store }));
        }
        let config = self.seeds.config_of(&address);
        let store = match waits {
            true => RedisStore::connect(config).await?,
            // Who waits for the new topology is to find a connection; and who is down keeps nobody from the others.
            false => match timeout(PATIENCE, RedisStore::connect(config.clone())).await {
                Ok(Ok(store)) => store,
                Ok(Err(_)) | Err(_) => RedisStore::connect_lazily(config)?,
            },
        };
        let store = Arc::new(store);
        if let Some(mut made) = store.sessions() {
            let sessions = Arc::clone(&self.sessions);
            // It ends with the server's store.
            self.tasks.spawn_until_closed(async move {
                while made.changed().await.is_ok() {
                    sessions.send_modify(|sessions| *sessions += 1);
                }
            });
        }
        Ok(Arc::new(Node { address, number, store }))
    }
}

/// A range of slots, and who has it.
struct Owner {
    first: usize,
    last: usize,
    address: Address,
}

impl Owner {
    /// One line of CLUSTER SLOTS: the first slot, the last, and the servers, of which the first has them. A server that
    /// does not know its own host stands for the one that was asked.
    fn of(range: Value, asked: &Address) -> Option<Self> {
        let Value::Array(range) = range else { return None };
        let [Value::Int(first), Value::Int(last), Value::Array(server), ..] = &range[..] else { return None };
        let [host, Value::Int(port), ..] = &server[..] else { return None };
        let host: Box<str> = match host {
            Value::BulkString(host) if !matches!(&host[..], b"" | b"?") => {
                std::str::from_utf8(host).ok()?.into()
            }
            Value::BulkString(_) | Value::Nil => asked.host.clone(),
            _ => return None,
        };
        let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
        (first <= last).then_some(Self {
            first,
            last,
            address: Address { host, port: u16::try_from(*port).ok()? },
        })
    }
}

/// Whether a server says that it does not have the key.
pub(super) fn is_moved(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<super::super::failure::Moved>())
}
