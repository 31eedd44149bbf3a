//! The simulated server: the shipped store in memory, on the world's clock; and its replica, where it has one.

mod replica;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cachemacro_runtime::clock::Clock;
use cachemacro_runtime::error::Result;
use cachemacro_runtime::store::memory::{MemoryLimits, MemoryStore};
use cachemacro_runtime::store::{Ask, Fill, Found, Lease, Permit, Put, PutVerdict, Store, Token, Verdict};
use futures_util::FutureExt;
use tokio::time::Instant;

use replica::Replica;

/// One server, which all processes share.
#[derive(Debug)]
pub(crate) struct Server {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    primary: Node,
    replica: Option<Replica>,
    down_until: Instant,
}

/// A store, and its clock.
#[derive(Debug)]
struct Node {
    store: MemoryStore,
    clock: Clock,
    /// How far the clock was moved.
    moved: Duration,
}

/// What is asked of it, for one key.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Lookup(Option<Lease>),
    Fill { permit: Permit, fill_id: Token, payload: Bytes, ttl: Duration },
    Renew(Lease),
    Release(Token),
    Discard(Token),
    Touch { fill_id: Token, left: Duration },
    Invalidate,
    BeginGuard(Lease),
    RenewGuard(Lease),
    EndGuard(Token),
    Put { guard: Token, fill_id: Token, payload: Bytes, ttl: Duration },
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Reply {
    Found(Found),
    Verdict(Result<Verdict>),
    Removed(Result<u64>),
    Begun(Result<()>),
    Put(Result<PutVerdict>),
}

impl Server {
    /// One with nothing in it; `lag` is how far its replica is behind, if it has one.
    pub(crate) fn new(lag: Option<Duration>) -> Self {
        let start = Instant::now();
        let state = State { primary: Node::new(), replica: lag.map(Replica::new), down_until: start };
        Self { start, state: Mutex::new(state) }
    }

    /// Carries a command out, unless the server is down.
    pub(crate) fn execute(&self, key: &[u8], command: Command) -> Option<Reply> {
        let mut state = self.synced();
        if Instant::now() < state.down_until {
            return None;
        }
        if let Some(replica) = &mut state.replica {
            replica.will(self.start.elapsed(), key, &command);
        }
        Some(command.on(&state.primary.store, key))
    }

    /// Its own time.
    pub(crate) fn time(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn is_down(&self) -> bool {
        Instant::now() < self.synced().down_until
    }

    /// Goes down, and comes back with nothing.
    pub(crate) fn restart(&self, down_until: Instant) {
        let mut state = self.synced();
        state.primary.store = empty(&state.primary.clock);
        state.replica = None;
        state.down_until = down_until;
    }

    /// Goes down for good; its replica takes its place, without what it has not heard of. Says whether there is one.
    pub(crate) fn fail_over(&self, down_until: Instant) -> bool {
        let mut state = self.synced();
        let Some(replica) = state.replica.take() else { return false };
        state.primary = replica.promoted(self.start.elapsed());
        state.down_until = down_until;
        true
    }

    /// Loses a value or a lease; guards are not evicted.
    pub(crate) fn evict(&self, key: &[u8]) {
        let mut state = self.synced();
        let Reply::Found(found) = Command::Lookup(None).on(&state.primary.store, key) else { return };
        if !matches!(found, Found::Guarded(_)) {
            if let Some(replica) = &mut state.replica {
                replica.will(self.start.elapsed(), key, &Command::Invalidate);
            }
            Command::Invalidate.on(&state.primary.store, key);
        }
    }

    /// The state, after its clock was moved to the world's time.
    fn synced(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.primary.move_to(self.start.elapsed());
        state
    }
}

impl Node {
    fn new() -> Self {
        let clock = Clock::manual();
        Self { store: empty(&clock), clock, moved: Duration::ZERO }
    }

    /// Moves its clock to this time of the world.
    fn move_to(&mut self, elapsed: Duration) {
        self.clock.advance(elapsed - self.moved);
        self.moved = elapsed;
    }
}

impl Reply {
    /// Whether what is under the key has changed, as far as the answer tells: rather once too often.
    pub(crate) fn has_changed(&self) -> bool {
        match self {
            Self::Found(found) => matches!(found, Found::Lead),
            Self::Verdict(verdict) => matches!(verdict, Ok(Verdict::Accepted)),
            // A guard may stay, and lose what it carries.
            Self::Removed(removed) => matches!(removed, Ok(1..)),
            Self::Begun(begun) => begun.is_ok(),
            Self::Put(put) => put.is_ok(),
        }
    }
}

impl Command {
    /// Whether it is one that changes something.
    pub(crate) fn may_change(&self) -> bool {
        !matches!(self, Self::Lookup(None))
    }

    /// Whether it is one that may change something whatever it answers: where a guard is gone, its end
    /// invalidates.
    pub(crate) fn changes(&self) -> bool {
        matches!(self, Self::EndGuard(_) | Self::Put { .. })
    }

    /// Whether who sends it publishes that, where the server tells nothing of its own.
    pub(crate) fn is_published(&self) -> bool {
        matches!(self, Self::Invalidate | Self::BeginGuard(_) | Self::EndGuard(_) | Self::Put { .. })
    }

    fn on(self, store: &MemoryStore, key: &[u8]) -> Reply {
        match self {
            Self::Lookup(lease) => {
                let mut found = now(store.lookup(&[Ask { key, lease }]));
                Reply::Found(found.pop().expect("one answer for one ask"))
            }
            Self::Fill { permit, fill_id, payload, ttl } => {
                Reply::Verdict(now(store.fill(Fill { key, permit, fill_id, payload, ttl })))
            }
            Self::Renew(lease) => Reply::Verdict(now(store.renew(key, lease))),
            Self::Release(token) => Reply::Verdict(now(store.release(key, token))),
            Self::Discard(fill_id) => Reply::Verdict(now(store.discard(key, fill_id))),
            Self::Touch { fill_id, left } => Reply::Verdict(now(store.touch(key, fill_id, left))),
            Self::Invalidate => Reply::Removed(now(store.invalidate(&[key]))),
            Self::BeginGuard(guard) => Reply::Begun(now(store.begin_guards(&[key], guard))),
            Self::RenewGuard(guard) => Reply::Verdict(now(store.renew_guards(&[key], guard))),
            Self::EndGuard(token) => Reply::Verdict(now(store.end_guards(&[key], token))),
            Self::Put { guard, fill_id, payload, ttl } => {
                Reply::Put(now(store.put(Put { key, guard, fill_id, payload, ttl })))
            }
        }
    }
}

fn empty(clock: &Clock) -> MemoryStore {
    // A handful of keys: nothing is evicted but by a fault.
    MemoryStore::new(MemoryLimits { bytes_max: 1 << 20, entries_max: 256 }, clock.clone())
}

/// The answer of the store in memory, which never waits.
fn now<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().expect("the store in memory answers at once")
}
