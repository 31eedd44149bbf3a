//! What stands before a store that fails: who comes while it is known not to answer does not wait for it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::chance;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::breaker::{Breaker, Transition};
use crate::store::Store;

/// How long a probe may take before another one is sent.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// A store, and the breaker before it.
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    since: Instant,
    /// Whether nothing has failed lately, to be read without the lock: almost always.
    calm: AtomicBool,
    // std's mutex: held for a few comparisons, never across an await.
    breaker: Mutex<Breaker>,
}

impl Gate {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let breaker = Mutex::new(Breaker::new());
        Self { store, since: Instant::now(), calm: AtomicBool::new(true), breaker }
    }

    /// The store itself, for what nobody waits for.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whether nothing has failed lately.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Whether the store is not asked now.
    pub(crate) fn is_open(&self) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.with(|breaker| (breaker.is_open(), None))
    }

    /// Asks the store, unless it is known not to answer. A dropped future tells nothing of the store.
    pub(crate) async fn ask<T>(
        &self,
        operation: &'static str,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.enter(operation)?;
        let answer = asking.await;
        self.heard(answer.as_ref().err());
        answer
    }

    /// Whether the store may be asked now.
    pub(crate) fn enter(&self, operation: &'static str) -> Result<()> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = self.since.elapsed();
        match self.with(|breaker| breaker.admits(now, PROBE_PATIENCE)) {
            true => Ok(()),
            false => {
                let detail = "it did not answer several times in a row, and is tried again in a moment";
                Err(Error::new(ErrorKind::Unavailable, operation, detail))
            }
        }
    }

    /// What came of it. A store that refuses has answered.
    pub(crate) fn heard(&self, error: Option<&Error>) {
        let failed =
            error.is_some_and(|error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut));
        if failed {
            let now = self.since.elapsed();
            self.with(|breaker| ((), breaker.failed(now, chance::jitter())));
        } else if !self.calm.load(Ordering::Relaxed) {
            self.with(|breaker| ((), breaker.succeeded()));
        }
    }

    fn with<T>(&self, step: impl FnOnce(&mut Breaker) -> (T, Option<Transition>)) -> T {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, transition) = step(&mut breaker);
        self.calm.store(breaker.is_calm(), Ordering::Relaxed);
        drop(breaker);
        if let Some(transition) = transition {
            crate::trace::breaker(self.store.name(), transition);
        }
        answer
    }
}
