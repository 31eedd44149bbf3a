//! What is said of time beside a `ttl`: staleness, early refreshes, idle entries, classes, tunings.

mod background;
mod early;
mod errors;
mod every;
mod hanging;
mod idle;
mod parameters;
#[cfg(feature = "redis")]
mod shared;
mod tagged;
mod tiers;
mod tuning;
#[cfg(feature = "tuning-file")]
mod tuning_file;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Clock};
use tokio::sync::Semaphore;

/// Cannot be copied, as most errors cannot.
#[derive(Debug, PartialEq)]
struct Broken;

/// A handle to a source, as a pool is one: a number, whose loads are counted, held, and made to fail.
#[derive(Clone)]
struct Db(Arc<Source>);

struct Source {
    value: AtomicUsize,
    loads: AtomicUsize,
    fails: AtomicBool,
    gate: Semaphore,
}

impl cachemacro::Handle for Db {}

impl Db {
    /// Its loads end at once.
    fn open() -> Self {
        let (value, loads, fails) = (AtomicUsize::new(1), AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Source { value, loads, fails, gate: Semaphore::new(Semaphore::MAX_PERMITS) }))
    }

    async fn load(&self) -> Result<usize, Broken> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let value = self.0.value.load(Ordering::SeqCst);
        self.0.gate.acquire().await.expect("it is never closed").forget();
        if self.0.fails.load(Ordering::SeqCst) { Err(Broken) } else { Ok(value) }
    }

    fn write(&self, value: usize) {
        self.0.value.store(value, Ordering::SeqCst);
    }

    fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    /// Loads wait from now on, until they are let go.
    fn hold(&self) {
        self.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn let_one_go(&self) {
        self.0.gate.add_permits(1);
    }

    fn let_go(&self) {
        self.0.gate.add_permits(1000);
    }

    fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }
}

async fn timed() -> (Cache, Clock) {
    let clock = Clock::manual();
    (Cache::builder().clock(clock.clone()).build().await.unwrap(), clock)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
