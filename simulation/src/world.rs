//! What all processes of a world have in common: the server, the source, chance, and time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::history::{Body, History, Kind};
use crate::plan::Plan;
use crate::rng::Rng;
use crate::server::Server;
use crate::telling::{Ear, Line};

/// A world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) server: Server,
    start: Instant,
    history: Mutex<History>,
    rng: Mutex<Rng>,
    /// The connections on which the server tells of changes.
    ears: Mutex<Vec<Arc<Ear>>>,
}

/// How many messages of a hundred are lost where messages are lost.
const LOSS_PERCENT: u64 = 35;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::new(&mut rng);
        let history = Mutex::new(History::new(plan.keys));
        let server = Server::new(plan.replica_lag);
        Self { plan, server, start: Instant::now(), history, rng: Mutex::new(rng), ears: Mutex::default() }
    }

    /// The time now, in ms since the world began.
    pub(crate) fn ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ears(&self) -> MutexGuard<'_, Vec<Arc<Ear>>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all processes of a change.
    pub(crate) fn tell(self: &Arc<Self>, key: &[u8]) {
        self.tell_all(Some(key));
    }

    /// Tells all processes of what the server did by itself, if it tells of that; with no key, of all.
    pub(crate) fn tell_of_own(self: &Arc<Self>, key: Option<&[u8]>) {
        if !self.plan.is_published {
            self.tell_all(key);
        }
    }

    fn tell_all(self: &Arc<Self>, key: Option<&[u8]>) {
        let ears = self.ears().clone();
        ears.iter().for_each(|ear| ear.tell(self, key));
    }

    /// Loses the connections on which changes are told, of one process or of all; known or not, if it is not said.
    pub(crate) fn deafen(&self, process: Option<usize>, known: Option<Line>) {
        let ears = self.ears().clone();
        for ear in ears.iter().filter(|ear| process.is_none_or(|process| ear.process == process)) {
            let either = || if self.below(2) == 0 { Line::HalfOpen } else { Line::Down };
            ear.lose(known.unwrap_or_else(either));
        }
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).below(bound)
    }

    pub(crate) fn loses(&self) -> bool {
        self.below(100) < LOSS_PERCENT
    }

    /// Notes that a body runs, until what this returns is dropped.
    pub(crate) fn body(&self, operation: usize, process: usize, key: usize, kind: Kind) -> RunningBody<'_> {
        let mut history = self.history();
        let begin = history.at(self.ms());
        let (version, end, is_finished) = (None, None, false);
        let body = Body { operation, process, key, kind, version, is_finished, begin, end };
        let number = history.begin_body(body);
        RunningBody { world: self, number }
    }

    /// What is left at the end.
    pub(crate) fn into_parts(self) -> (Plan, History) {
        (self.plan, self.history.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A body that runs.
#[derive(Debug)]
pub(crate) struct RunningBody<'a> {
    world: &'a World,
    number: usize,
}

impl RunningBody<'_> {
    /// Looks at the source.
    pub(crate) fn look(&self) -> u64 {
        let mut history = self.world.history();
        let version = history.version(history.bodies[self.number].key);
        history.bodies[self.number].version = Some(version);
        version
    }

    /// Comes to its end.
    pub(crate) fn finish(&self) {
        self.world.history().bodies[self.number].is_finished = true;
    }
}

impl Drop for RunningBody<'_> {
    fn drop(&mut self) {
        let mut history = self.world.history();
        let now = history.at(self.world.ms());
        history.bodies[self.number].end = Some(now);
    }
}

/// The bytes of a key.
pub(crate) fn key_name(key: usize) -> String {
    format!("register:{key}")
}
