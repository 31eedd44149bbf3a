//! The connection on which the server tells one process of its changes.
//!
//! What is told arrives in order, and in no order with the answers on other connections. The server works
//! in turns: it sends what it answers in one before what was changed in it, and nothing before its end, while
//! other connections have their answers at once. A connection that is lost takes with it what is on its
//! way; the process knows, or it does not and waits for answers that never come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cachemacro_runtime::error::{Error, ErrorKind, Result};
use cachemacro_runtime::mutants::{self, Mutant};
use cachemacro_runtime::store::{StoreFuture, Watcher, Watching};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use crate::link::{Link, by_then};
use crate::plan::millis;
use crate::world::World;

/// How long a turn of the server is, in ms, unless a change begins it that takes long.
const SHORT_TURN: (u64, u64) = (0, 3);

/// The server's end of one connection.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) process: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    line: Line,
    sender: UnboundedSender<(Instant, Told)>,
    last_arrival: Instant,
    /// What the turn under way sends at its end, if there is one: answers first.
    turn: Option<(Vec<Told>, Vec<Told>)>,
}

/// What a connection is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Up,
    /// Nothing arrives any more, and the process does not know.
    HalfOpen,
    /// The process knows.
    Down,
}

#[derive(Clone, Debug)]
enum Told {
    Answer(Duration),
    Changed(Box<[u8]>),
    Flushed,
}

impl Ear {
    /// Tells of a change at the end of the turn; with no key, of all.
    pub(crate) fn tell(self: &Arc<Self>, world: &Arc<World>, key: Option<&[u8]>) {
        let told = key.map_or(Told::Flushed, |key| Told::Changed(key.into()));
        if self.state().line == Line::Up {
            let (percent, long) = world.plan.long_turns;
            let lasts = if world.below(100) < percent { long } else { SHORT_TURN };
            self.in_turn(world, lasts, |(_, changes)| changes.push(told));
        }
    }

    /// Loses the connection, and all that is on its way.
    pub(crate) fn lose(&self, line: Line) {
        let mut state = self.state();
        if state.line != Line::Down {
            state.line = line;
            state.turn = None;
            // Whoever waits is woken by nothing else.
            if line == Line::Down {
                state.sender = unbounded_channel().0;
            }
        }
    }

    /// A write has arrived.
    fn touched(self: &Arc<Self>, world: &Arc<World>) {
        let answer = Told::Answer(world.server.time());
        let line = self.state().line;
        match line {
            Line::Up => self.in_turn(world, SHORT_TURN, |(answers, _)| answers.push(answer)),
            Line::HalfOpen if mutants::is(Mutant::KeylessHeartbeat) => self.state().send(world, answer),
            Line::HalfOpen | Line::Down => {}
        }
    }

    /// Adds to the turn under way, or begins one that lasts so long.
    fn in_turn(
        self: &Arc<Self>,
        world: &Arc<World>,
        (shortest, longest): (u64, u64),
        add: impl FnOnce(&mut (Vec<Told>, Vec<Told>)),
    ) {
        let mut state = self.state();
        let begins = state.turn.is_none();
        add(state.turn.get_or_insert_default());
        drop(state);
        if begins {
            let lasts = shortest + world.below(longest - shortest);
            let (ear, world) = (Arc::clone(self), Arc::clone(world));
            tokio::spawn(async move {
                sleep(millis(lasts)).await;
                let mut state = ear.state();
                if let Some((answers, changes)) = state.turn.take() {
                    answers.into_iter().chain(changes).for_each(|told| state.send(&world, told));
                }
            });
        }
    }

    fn line(&self) -> Line {
        self.state().line
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, world: &World, told: Told) {
        let delay = millis(world.below(1 + world.plan.telling_delay_max));
        self.last_arrival = self.last_arrival.max(Instant::now() + delay);
        // Nobody listens any more, which is as well.
        let _ = self.sender.send((self.last_arrival, told));
    }
}

/// The process's end.
pub(crate) struct SimWatching {
    link: Arc<Link>,
    ear: Arc<Ear>,
    receiver: UnboundedReceiver<(Instant, Told)>,
    /// What has left the server, and is not here yet.
    coming: Option<(Instant, Told)>,
    watcher: Weak<dyn Watcher>,
}

/// Connects; the server tells from the moment on at which it hears of it.
pub(crate) async fn watch(link: &Arc<Link>, watcher: Weak<dyn Watcher>) -> Result<Box<dyn Watching>> {
    let world = &link.world;
    let delay = || sleep(millis(world.below(1 + world.plan.delay_max)));
    delay().await;
    if !link.is_linkable() || world.server.is_down() {
        return Err(lost());
    }
    let (sender, receiver) = unbounded_channel();
    let state = State { line: Line::Up, sender, last_arrival: Instant::now(), turn: None };
    let ear = Arc::new(Ear { process: link.process, state: Mutex::new(state) });
    world.ears().push(Arc::clone(&ear));
    delay().await;
    let link = Arc::clone(link);
    Ok(Box::new(SimWatching { link, ear, receiver, coming: None, watcher }))
}

impl SimWatching {
    /// Hears what comes next; nothing any more, if the connection is known to be lost.
    async fn hear(&mut self) -> Option<Told> {
        if self.coming.is_none() {
            self.coming = self.receiver.recv().await;
        }
        by_then(self.coming.as_ref()?.0).await;
        self.link.awake().await;
        if self.ear.line() == Line::Down {
            return None;
        }
        self.coming.take().map(|(_, told)| told)
    }

    /// Hands on what is told, up to the next answer.
    async fn answer(&mut self) -> Option<Duration> {
        loop {
            let told = self.hear().await?;
            let watcher = self.watcher.upgrade()?;
            match told {
                Told::Answer(time) => return Some(time),
                Told::Changed(key) => watcher.changed(&key),
                Told::Flushed => watcher.flushed(),
            }
        }
    }
}

impl Watching for SimWatching {
    fn touch(&mut self) -> StoreFuture<'_, Result<Duration>> {
        let (ear, link) = (Arc::clone(&self.ear), Arc::clone(&self.link));
        tokio::spawn(async move {
            link.awake().await;
            sleep(millis(link.world.below(1 + link.world.plan.telling_delay_max))).await;
            ear.touched(&link.world);
        });
        Box::pin(async move { self.answer().await.ok_or_else(lost) })
    }

    fn lost(&mut self) -> StoreFuture<'_, Error> {
        Box::pin(async move {
            // An answer is one to a touch that was given up.
            while self.answer().await.is_some() {}
            lost()
        })
    }
}

impl Drop for SimWatching {
    fn drop(&mut self) {
        self.ear.lose(Line::Down);
        self.link.world.ears().retain(|ear| !Arc::ptr_eq(ear, &self.ear));
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "watch", "there is no connection")
}
