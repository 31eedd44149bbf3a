//! Leases that are given up without waiting for the answer: those of one turn of the runtime go in one request.
//!
//! A batch that is dropped leaves hundreds behind at once. What is lost on the way expires.

use std::sync::{Arc, Mutex, PoisonError};

use super::L2;
use crate::store::Token;

/// Leases to be released, and whether a task is on its way to do so.
#[derive(Debug, Default)]
pub(super) struct Releases(Mutex<Waiting>);

// std's mutex: held for a push or a move, and never across an await.
#[derive(Debug, Default)]
struct Waiting {
    leases: Vec<(Arc<[u8]>, Token)>,
    has_task: bool,
}

impl Releases {
    /// Adds one; says whether a task is needed that takes it.
    fn add(&self, key: Arc<[u8]>, token: Token) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.leases.push((key, token));
        !std::mem::replace(&mut waiting.has_task, true)
    }

    fn take(&self) -> Vec<(Arc<[u8]>, Token)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.has_task = false;
        std::mem::take(&mut waiting.leases)
    }
}

/// A task's turn. Dropped with its runtime before it ran, it leaves nothing that would wait for it.
struct Turn(Option<Arc<Releases>>);

impl Turn {
    fn take(mut self) -> Vec<(Arc<[u8]>, Token)> {
        self.0.take().map(|releases| releases.take()).unwrap_or_default()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(releases) = self.0.take() {
            releases.take();
        }
    }
}

impl L2 {
    /// Releases a lease without waiting for the answer: if it is lost, it expires.
    pub(crate) fn release_later(&self, key: Arc<[u8]>, token: Token) {
        if !self.releases.add(key, token) {
            return;
        }
        let (store, turn) = (Arc::clone(self.gate.store()), Turn(Some(Arc::clone(&self.releases))));
        self.tasks.spawn(async move {
            // Who comes from here on needs a task of its own.
            let leases = turn.take();
            let leases: Vec<(&[u8], Token)> = leases.iter().map(|(key, token)| (&**key, *token)).collect();
            let _ = store.release_many(&leases).await;
        });
    }
}
