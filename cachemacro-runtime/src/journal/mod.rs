//! Invalidations that the store has not taken yet, and those that it took a moment ago. None is ever lost.
//!
//! Until one is delivered, its key is in quarantine: this process does not read it from the store, and
//! does not share what it loads for it. What does not fit into the journal any more is kept as the
//! templates that it belongs to, and all keys are in quarantine until the store was [swept](sweep) for
//! them.
//!
//! A store that comes back may have lost what it acknowledged (a failover does), so that the last
//! minute is [delivered again](recent).

mod recent;
mod sweep;
mod undelivered;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::chance;
use crate::error::Result;
use crate::gate::Gate;
use crate::mutants::{self, Mutant};
use crate::site::Site;
use crate::store::{Pattern, Token};
use crate::tag::{self, Tag};
use crate::task::Tasks;
use recent::Recent;
use undelivered::{Undelivered, Waiting};

pub use sweep::Swept;
pub(crate) use sweep::{Delivered, Progress};
pub use undelivered::JournalLimits;

/// How many keys go to the store at once.
const BATCH_LEN: usize = 256;

/// The first and the longest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Is told of what was delivered late.
pub(crate) type OnDelivered = dyn Fn(Delivered<'_>) + Send + Sync;

/// What is to be invalidated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doomed<'a> {
    pub(crate) key: &'a [u8],
    /// The function whose key it is, where it is one's.
    pub(crate) site: Option<&'static Site>,
}

/// The guard that a mutation ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardEnd {
    pub(crate) token: Token,
    /// Whether the store said that it stood. What is not certain is ended once, and not by the journal: it
    /// may never have been, and its end would then remove what was stored since.
    pub(crate) is_certain: bool,
}

/// The undelivered invalidations of one store, and its latest.
pub(crate) struct Journal {
    gate: Arc<Gate>,
    tasks: Tasks,
    on_delivered: Arc<OnDelivered>,
    // std's mutexes: held for map operations, never across an await.
    undelivered: Mutex<Undelivered>,
    recent: Mutex<Recent>,
    /// Whether something waits, to be read without the lock: it does not on almost every call.
    is_waiting: AtomicBool,
    /// The number of the last invalidation that was kept.
    last_number: AtomicU64,
    delivering: AtomicBool,
}

impl Journal {
    pub(crate) fn new(
        gate: Arc<Gate>,
        tasks: Tasks,
        limits: JournalLimits,
        on_delivered: Arc<OnDelivered>,
    ) -> Self {
        Self {
            gate,
            tasks,
            on_delivered,
            undelivered: Mutex::new(Undelivered::new(limits)),
            recent: Mutex::new(Recent::new(limits)),
            is_waiting: AtomicBool::new(false),
            last_number: AtomicU64::new(0),
            delivering: AtomicBool::new(false),
        }
    }

    /// Whether an invalidation of this key is not yet delivered.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.is_waiting.load(Ordering::Acquire)
            && self.undelivered().holds(key)
            && !mutants::is(Mutant::NoQuarantine)
    }

    /// The number of the last invalidation that was kept. If it has changed during a load, one may have
    /// come that the store did not know of when it judged the lease.
    pub(crate) fn mark(&self) -> u64 {
        self.last_number.load(Ordering::Acquire)
    }

    /// How many keys and patterns wait, and whether there were more than are kept: then all keys are in quarantine.
    pub(crate) fn waiting(&self) -> (usize, bool) {
        let undelivered = self.undelivered();
        (undelivered.len(), undelivered.has_overflowed())
    }

    /// Delivers keys now, and ends the guard on them if there is one; those that the store does not
    /// take are kept, and tried again in the background.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, the keys are kept: the attempt may yet take effect, or not.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        doomed: &[Doomed<'_>],
        guard: Option<GuardEnd>,
    ) -> Result<()> {
        let mut pledge = self.pledge(doomed, guard);
        for batch in doomed.chunks(BATCH_LEN) {
            let keys: Vec<&[u8]> = batch.iter().map(|doomed| doomed.key).collect();
            self.send(&keys, guard.map(|guard| guard.token)).await?;
            self.recent().add(&keys, Instant::now());
            pledge.undelivered = &pledge.undelivered[batch.len()..];
        }
        Ok(())
    }

    /// Promises that these keys will be delivered, by this process's own attempt or by the journal's.
    pub(crate) fn pledge<'a>(
        self: &'a Arc<Self>,
        doomed: &'a [Doomed<'a>],
        guard: Option<GuardEnd>,
    ) -> Pledge<'a> {
        Pledge { journal: self, undelivered: doomed, guard }
    }

    /// Delivers keys in the background.
    pub(crate) fn deliver_later(self: &Arc<Self>, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) {
        self.keep(doomed, guard);
        self.start();
    }

    /// Tries once to deliver all that waits.
    pub(crate) async fn flush(&self) -> Result<()> {
        let waiting = self.undelivered().all();
        for batch in waiting.chunks(BATCH_LEN) {
            self.flush_batch(batch).await?;
        }
        let overflow = self.undelivered().overflow();
        if let Some((templates, number)) = overflow {
            self.sweep_templates(&templates).await?;
            self.with_undelivered(|undelivered| undelivered.swept(number));
        }
        self.flush_patterns().await
    }

    async fn flush_batch(&self, batch: &[Waiting]) -> Result<()> {
        let keys: Vec<&[u8]> = batch.iter().map(|waiting| &*waiting.key).collect();
        self.send(&keys, None).await?;
        self.with_undelivered(|undelivered| undelivered.forget(batch));
        self.recent().add(&keys, Instant::now());
        keys.iter().for_each(|key| (self.on_delivered)(Delivered::Key(key)));
        self.end_guards_later(batch);
        Ok(())
    }

    /// Ends the guards that still stand, so that their keys can be stored under again. What matters is done:
    /// they carry nothing any more, and if they cannot be ended now, they end by themselves.
    fn end_guards_later(&self, batch: &[Waiting]) {
        let guarded: Vec<_> = batch.iter().filter(|waiting| !waiting.guards.is_empty()).cloned().collect();
        if guarded.is_empty() {
            return;
        }
        let gate = Arc::clone(&self.gate);
        self.tasks.spawn_until_closed(async move {
            for Waiting { key, guards, .. } in &guarded {
                let epochs = tag::epochs([&**key]);
                let keys: Vec<&[u8]> = epochs.iter().map(Tag::as_bytes).chain([&**key]).collect();
                for token in guards {
                    let _ = gate.store().end_guards(&keys, *token).await;
                }
            }
        });
    }

    /// Sends keys, and before them the epochs of those that are tags: a reader who finds a tag anew has to find its
    /// epoch anew as well.
    async fn send(&self, keys: &[&[u8]], guard: Option<Token>) -> Result<()> {
        let epochs = tag::epochs(keys.iter().copied());
        let epochs: Vec<&[u8]> = epochs.iter().map(Tag::as_bytes).collect();
        let [first, second] = match mutants::is(Mutant::TagBeforeEpoch) {
            true => [keys, &epochs[..]],
            false => [&epochs[..], keys],
        };
        for keys in [first, second].into_iter().filter(|keys| !keys.is_empty()) {
            self.send_together(keys, guard).await?;
        }
        Ok(())
    }

    async fn send_together(&self, keys: &[&[u8]], guard: Option<Token>) -> Result<()> {
        let store = self.gate.store();
        match guard {
            None => self.gate.ask("invalidate", store.invalidate(keys)).await.map(drop),
            Some(token) => self.gate.ask("end of a guard", store.end_guards(keys, token)).await.map(drop),
        }
    }

    /// Delivers the last minute again whenever the store has come back.
    pub(crate) fn replay_on_reconnects(self: &Arc<Self>) {
        let Some(mut sessions) = self.gate.store().sessions() else { return };
        let journal = Arc::downgrade(self);
        self.tasks.spawn_until_closed(async move {
            while sessions.changed().await.is_ok() {
                let Some(journal) = journal.upgrade() else { return };
                journal.replay();
            }
        });
    }

    /// Delivers the last minute again, as the store may have lost it.
    fn replay(self: &Arc<Self>) {
        if mutants::is(Mutant::ReplayForgotten) {
            return;
        }
        let (keys, patterns) = self.recent().all(Instant::now());
        let doomed: Vec<_> = keys.iter().map(|key| Doomed { key, site: None }).collect();
        if !doomed.is_empty() {
            self.deliver_later(&doomed, None);
        }
        patterns.iter().for_each(|pattern| self.sweep_later(pattern));
    }

    /// Starts the task that delivers, unless it runs.
    fn start(self: &Arc<Self>) {
        if self.delivering.swap(true, Ordering::AcqRel) {
            return;
        }
        let journal = Arc::clone(self);
        let started = self.tasks.spawn_until_closed(async move { journal.run().await });
        if !started {
            self.delivering.store(false, Ordering::Release);
        }
    }

    async fn run(self: Arc<Self>) {
        let mut pause = PAUSE_MIN;
        loop {
            match self.flush().await {
                Ok(()) if !self.is_waiting.load(Ordering::Acquire) => {
                    self.delivering.store(false, Ordering::Release);
                    // A key that came between the two lines has found the task still running.
                    if !self.is_waiting.load(Ordering::Acquire)
                        || self.delivering.swap(true, Ordering::AcqRel)
                    {
                        return;
                    }
                }
                Ok(()) => pause = PAUSE_MIN,
                Err(_) => {
                    tokio::time::sleep(pause.mul_f64(chance::jitter())).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn keep(&self, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) {
        let number = self.last_number.fetch_add(1, Ordering::AcqRel) + 1;
        let guard = guard.filter(|guard| guard.is_certain).map(|guard| guard.token);
        self.with_undelivered(|undelivered| {
            doomed.iter().for_each(|doomed| undelivered.keep(*doomed, guard, number));
        });
    }

    fn keep_pattern(&self, pattern: &Pattern) {
        let number = self.last_number.fetch_add(1, Ordering::AcqRel) + 1;
        self.with_undelivered(|undelivered| undelivered.keep_pattern(pattern, number));
    }

    fn with_undelivered(&self, change: impl FnOnce(&mut Undelivered)) {
        let mut undelivered = self.undelivered();
        change(&mut undelivered);
        self.is_waiting.store(!undelivered.is_empty(), Ordering::Release);
    }

    fn undelivered(&self) -> MutexGuard<'_, Undelivered> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what an attempt leaves undelivered, however it ends.
pub(crate) struct Pledge<'a> {
    journal: &'a Arc<Journal>,
    undelivered: &'a [Doomed<'a>],
    guard: Option<GuardEnd>,
}

impl Pledge<'_> {
    /// The store has taken them.
    pub(crate) fn redeemed(mut self) {
        let keys: Vec<&[u8]> = self.undelivered.iter().map(|doomed| doomed.key).collect();
        self.journal.recent().add(&keys, Instant::now());
        self.undelivered = &[];
    }
}

impl Drop for Pledge<'_> {
    fn drop(&mut self) {
        if !self.undelivered.is_empty() && !mutants::is(Mutant::UndeliveredForgotten) {
            self.journal.deliver_later(self.undelivered, self.guard);
        }
    }
}
