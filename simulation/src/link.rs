//! The connection of one process to the server: a store whose messages take time, and may be lost.
//!
//! Messages about one key arrive in the order in which they were sent, as they would on one TCP
//! connection; those about different keys, and of different processes, overtake each other. Whoever
//! asks waits for no longer than the budget; what was sent still arrives, also if the future was
//! dropped. That order ends with the connection: what was under way when it broke is lost, or arrives
//! some time later and is not answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro_runtime::error::{Error, ErrorKind, Result};
use cachemacro_runtime::mutants::{self, Mutant};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::plan::{SLOW_MAX, millis};
use crate::server::{Command, Reply};
use crate::world::World;

/// One process's connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) process: usize,
    pub(crate) world: Arc<World>,
    state: Mutex<State>,
    pub(crate) sessions: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    is_dead: bool,
    /// Until when there is no connection.
    up_at: Instant,
    /// Until when the process stands still: what it sends leaves then.
    awake_at: Instant,
    slow_until: Instant,
    answers_slow_until: Instant,
    lossy_until: Instant,
    /// Until when it is given no connection on which changes are told.
    unlinked_until: Instant,
    lanes: BTreeMap<Box<[u8]>, Arc<Mutex<Lane>>>,
    /// Who waits for an answer. Dropped, they know that the connection is gone.
    waiting: BTreeMap<u64, oneshot::Sender<Reply>>,
    last_id: u64,
    /// How each connection so far has ended; the current one has not.
    ended: Vec<Ended>,
}

/// When a connection ended, and whether what was on its way then still arrives.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Instant,
    arrives: bool,
}

/// The messages about one key.
#[derive(Debug)]
struct Lane {
    last_arrival: Instant,
    queue: VecDeque<Message>,
}

#[derive(Debug)]
struct Message {
    id: u64,
    session: usize,
    leaves_at: Instant,
    command: Command,
}

/// What became of sending.
pub(crate) enum Sent {
    /// The process is no more: nobody goes on.
    Dead,
    Down,
    /// The answer comes by then, if at all.
    Waiting(oneshot::Receiver<Reply>, Instant),
}

impl Link {
    pub(crate) fn new(process: usize, world: Arc<World>) -> Self {
        let now = Instant::now();
        let state = State {
            is_dead: false,
            up_at: now,
            awake_at: now,
            slow_until: now,
            answers_slow_until: now,
            lossy_until: now,
            unlinked_until: now,
            lanes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_id: 0,
            ended: Vec::new(),
        };
        Self { process, world, state: Mutex::new(state), sessions: watch::Sender::new(0) }
    }

    /// Sends a command. Whatever becomes of the caller, it is under way.
    pub(crate) fn send(self: &Arc<Self>, key: &[u8], command: Command) -> Sent {
        let mut state = self.state();
        let now = Instant::now();
        if state.is_dead {
            return Sent::Dead;
        }
        if now < state.up_at {
            return Sent::Down;
        }
        let leaves_at = now.max(state.awake_at);
        let (sender, receiver) = oneshot::channel();
        state.last_id += 1;
        let (id, session) = (state.last_id, state.ended.len());
        state.waiting.insert(id, sender);
        let sent = Sent::Waiting(receiver, leaves_at + self.world.plan.budget);
        if state.is_lossy(leaves_at) && self.world.loses() {
            return sent;
        }
        let delay = self.delay(leaves_at < state.slow_until);
        let lane = match state.lanes.get(key) {
            Some(lane) => Arc::clone(lane),
            None => {
                let lane = Arc::new(Mutex::new(Lane { last_arrival: now, queue: VecDeque::new() }));
                state.lanes.insert(key.into(), Arc::clone(&lane));
                lane
            }
        };
        let arrives_at = {
            let mut lane = lock(&lane);
            lane.last_arrival = lane.last_arrival.max(leaves_at + delay);
            lane.queue.push_back(Message { id, session, leaves_at, command });
            lane.last_arrival
        };
        drop(state);
        tokio::spawn(Arc::clone(self).carry(lane, key.into(), arrives_at));
        sent
    }

    /// Waits for the answer, within the budget.
    pub(crate) async fn answer(&self, operation: &'static str, sent: Sent) -> Result<Reply> {
        match sent {
            Sent::Dead => std::future::pending().await,
            Sent::Down => Err(unavailable(operation)),
            Sent::Waiting(receiver, deadline) => match timeout_at(deadline, receiver).await {
                Ok(Ok(reply)) => Ok(reply),
                Ok(Err(_)) if self.state().is_dead => std::future::pending().await,
                Ok(Err(_)) => Err(unavailable(operation)),
                Err(_) => Err(Error::new(ErrorKind::TimedOut, operation, "no answer within the budget")),
            },
        }
    }

    /// Carries one message of a lane to the server, and the answer back.
    async fn carry(self: Arc<Self>, lane: Arc<Mutex<Lane>>, key: Box<[u8]>, arrives_at: Instant) {
        sleep_until(arrives_at).await;
        // The first in line has waited for no less.
        let Some(Message { id, session, leaves_at, command }) = lock(&lane).queue.pop_front() else { return };
        if !self.state().arrives(session, leaves_at) {
            return;
        }
        let (may_change, changes, is_published) =
            (command.may_change(), command.changes(), command.is_published());
        let Some(reply) = self.world.server.execute(&key, command) else { return };
        let has_changed = may_change && (changes || reply.has_changed());
        let is_told = match self.world.plan.is_published {
            true => is_published && (has_changed || !mutants::is(Mutant::PublishedIfThere)),
            false => has_changed,
        };
        if is_told {
            self.world.tell(&key);
        }
        let now = Instant::now();
        let (delay, is_lost) = {
            let state = self.state();
            let is_slow = now < state.slow_until.max(state.answers_slow_until);
            (self.delay(is_slow), state.is_lossy(now) && self.world.loses())
        };
        if is_lost {
            return;
        }
        sleep(delay).await;
        if let Some(sender) = self.state().waiting.remove(&id) {
            let _ = sender.send(reply);
        }
    }

    fn delay(&self, is_slow: bool) -> Duration {
        millis(self.world.below(1 + if is_slow { SLOW_MAX } else { self.world.plan.delay_max }))
    }

    /// Breaks the connection until `up_at`.
    pub(crate) fn cut(self: &Arc<Self>, up_at: Instant, arrives: bool) {
        let mut state = self.state();
        state.end_session(arrives);
        state.up_at = state.up_at.max(up_at);
        drop(state);
        let link = Arc::clone(self);
        tokio::spawn(async move {
            sleep_until(up_at).await;
            link.sessions.send_modify(|session| *session += 1);
        });
    }

    /// Ends the process: nothing leaves it any more, and nobody in it goes on.
    pub(crate) fn kill(&self, arrives: bool) {
        let mut state = self.state();
        state.is_dead = true;
        state.end_session(arrives);
    }

    /// Whether the process can connect now.
    pub(crate) fn is_up(&self) -> bool {
        let state = self.state();
        !state.is_dead && Instant::now() >= state.up_at
    }

    /// Gives the process no connection on which changes are told, until then.
    pub(crate) fn unlink(&self, until: Instant) {
        let mut state = self.state();
        state.unlinked_until = state.unlinked_until.max(until);
    }

    /// Whether the process can be told of changes now.
    pub(crate) fn is_linkable(&self) -> bool {
        self.is_up() && Instant::now() >= self.state().unlinked_until
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    pub(crate) fn pause(&self, awake_at: Instant) {
        let mut state = self.state();
        state.awake_at = state.awake_at.max(awake_at);
    }

    /// Waits while the process stands still.
    pub(crate) async fn awake(&self) {
        let awake_at = self.state().awake_at;
        by_then(awake_at).await;
    }

    pub(crate) fn slow_down(&self, until: Instant) {
        self.state().slow_until = until;
    }

    pub(crate) fn slow_answers_down(&self, until: Instant) {
        self.state().answers_slow_until = until;
    }

    pub(crate) fn lose(&self, until: Instant) {
        self.state().lossy_until = until;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn end_session(&mut self, arrives: bool) {
        self.ended.push(Ended { at: Instant::now(), arrives });
        self.lanes.clear();
        self.waiting.clear();
    }

    /// Whether a message gets to the server that left on this connection, then.
    fn arrives(&self, session: usize, leaves_at: Instant) -> bool {
        match self.ended.get(session) {
            None => true,
            Some(ended) => ended.arrives && leaves_at <= ended.at,
        }
    }

    fn is_lossy(&self, at: Instant) -> bool {
        at < self.lossy_until
    }
}

/// Waits until then, and costs no timer where that is over.
pub(crate) async fn by_then(instant: Instant) {
    if instant > Instant::now() {
        sleep_until(instant).await;
    }
}

fn unavailable(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "there is no connection")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
