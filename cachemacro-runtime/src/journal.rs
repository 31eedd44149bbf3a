//! Invalidations that the store has not taken yet. None is ever dropped.
//!
//! Until it is delivered, its key is in quarantine: this process does not read it from the store,
//! and does not share what it loads for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::store::Store;
use crate::task::Tasks;

/// How many undelivered keys are kept. Past it, nothing is read from the store any more.
const KEYS_MAX: usize = 100_000;

/// How many keys go to the store at once.
const BATCH_LEN: usize = 256;

/// The first and the longest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Is told of a key.
pub(crate) type OnDelivered = dyn Fn(&[u8]) + Send + Sync;

/// The undelivered invalidations of one store.
pub(crate) struct Journal {
    store: Arc<dyn Store>,
    tasks: Tasks,
    /// Told of each key that was delivered late.
    on_delivered: Arc<OnDelivered>,
    // std's mutex: held for map operations, never across an await.
    entries: Mutex<Entries>,
    /// The number of keys, to be read without the lock: it is 0 on almost every call.
    len: AtomicUsize,
    /// The number of the last invalidation that was kept.
    last_number: AtomicU64,
    overflowed: AtomicBool,
    delivering: AtomicBool,
}

#[derive(Default)]
struct Entries {
    /// Each key with the number of its last invalidation: a delivery of the one before does not settle it.
    numbers: HashMap<Box<[u8]>, u64>,
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn Store>, tasks: Tasks, on_delivered: Arc<OnDelivered>) -> Self {
        Self {
            store,
            tasks,
            on_delivered,
            entries: Mutex::default(),
            len: AtomicUsize::new(0),
            last_number: AtomicU64::new(0),
            overflowed: AtomicBool::new(false),
            delivering: AtomicBool::new(false),
        }
    }

    /// Whether an invalidation of this key is not yet delivered.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.has_overflowed()
            || (self.len.load(Ordering::Acquire) > 0 && self.lock().numbers.contains_key(key))
    }

    /// The number of the last invalidation that was kept. If it has changed during a load, one may have
    /// come that the store did not know of when it judged the lease.
    pub(crate) fn mark(&self) -> u64 {
        self.last_number.load(Ordering::Acquire)
    }

    /// How many keys wait.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Whether there were once more keys than it keeps: from then on it holds all keys there are.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Acquire)
    }

    /// Delivers keys now; those that the store does not take are kept, and tried again in the background.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, the keys are kept: the attempt may yet take effect, or not.
    pub(crate) async fn deliver(self: &Arc<Self>, keys: &[&[u8]]) -> Result<()> {
        let mut attempt = Attempt { journal: self, undelivered: keys };
        for batch in keys.chunks(BATCH_LEN) {
            self.store.invalidate(batch).await?;
            attempt.undelivered = &attempt.undelivered[batch.len()..];
        }
        Ok(())
    }

    /// Delivers keys in the background.
    pub(crate) fn deliver_later(self: &Arc<Self>, keys: Vec<Box<[u8]>>) {
        self.keep(keys);
        self.start();
    }

    /// Tries once to deliver all that waits.
    pub(crate) async fn flush(&self) -> Result<()> {
        let waiting: Vec<(Box<[u8]>, u64)> =
            self.lock().numbers.iter().map(|(key, number)| (key.clone(), *number)).collect();
        for batch in waiting.chunks(BATCH_LEN) {
            let keys: Vec<&[u8]> = batch.iter().map(|(key, _)| &**key).collect();
            self.store.invalidate(&keys).await?;
            self.forget(batch);
            batch.iter().for_each(|(key, _)| (self.on_delivered)(key));
        }
        Ok(())
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
                Ok(()) if self.len() == 0 => {
                    self.delivering.store(false, Ordering::Release);
                    // A key that came between the two lines has found the task still running.
                    if self.len() == 0 || self.delivering.swap(true, Ordering::AcqRel) {
                        return;
                    }
                }
                Ok(()) => pause = PAUSE_MIN,
                Err(_) => {
                    tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn keep(&self, keys: Vec<Box<[u8]>>) {
        let mut entries = self.lock();
        if entries.numbers.len() + keys.len() > KEYS_MAX {
            self.overflowed.store(true, Ordering::Release);
            return;
        }
        let number = self.last_number.fetch_add(1, Ordering::AcqRel) + 1;
        entries.numbers.extend(keys.into_iter().map(|key| (key, number)));
        self.len.store(entries.numbers.len(), Ordering::Release);
    }

    fn forget(&self, delivered: &[(Box<[u8]>, u64)]) {
        let mut entries = self.lock();
        for (key, number) in delivered {
            if entries.numbers.get(key) == Some(number) {
                entries.numbers.remove(key);
            }
        }
        self.len.store(entries.numbers.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what an attempt leaves undelivered, however it ends.
struct Attempt<'a> {
    journal: &'a Arc<Journal>,
    undelivered: &'a [&'a [u8]],
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.undelivered.is_empty() {
            self.journal.deliver_later(self.undelivered.iter().map(|key| (*key).into()).collect());
        }
    }
}
