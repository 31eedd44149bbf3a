//! What cached functions load from: a number that can be written, with loads that are counted and can be held.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// A number, read as a database would be: what a load returns is what was written when it began.
pub(crate) struct Source {
    value: AtomicU64,
    loads: AtomicUsize,
    /// One permit for each load that may end.
    gate: Semaphore,
}

impl Source {
    /// A source whose loads end at once.
    pub(crate) fn open() -> Self {
        Self::with_permits(Semaphore::MAX_PERMITS)
    }

    /// A source whose loads wait until they are [let go](Self::let_go).
    pub(crate) fn held() -> Self {
        Self::with_permits(0)
    }

    fn with_permits(permits: usize) -> Self {
        Self { value: AtomicU64::new(1), loads: AtomicUsize::new(0), gate: Semaphore::new(permits) }
    }

    pub(crate) async fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let value = self.value.load(Ordering::SeqCst);
        self.gate.acquire().await.expect("the gate is never closed").forget();
        value
    }

    pub(crate) fn write(&self, value: u64) {
        self.value.store(value, Ordering::SeqCst);
    }

    /// Lets this many loads end.
    pub(crate) fn let_go(&self, loads: usize) {
        self.gate.add_permits(loads);
    }

    /// How many loads have begun.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}
