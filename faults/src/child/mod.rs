//! A child: the engine as it ships, a dozen calls at once, and a line to the driver for each of them.

mod functions;
mod log;
mod plan;
mod worker;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Subject};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

use crate::clock;
use crate::record::Line;
use crate::settings::{
    BUDGET, GUARD, KEYS, LEASE, NEAR_BYTES, STALENESS, STALENESS_WRONG, WAIT_MAX, WORKERS, Wrong,
};
use log::Log;
use worker::Worker;

/// How often it tells how many invalidations wait.
const STATUS_EVERY: Duration = Duration::from_millis(20);

/// How long after the last fault all invalidations are to be delivered.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// What the driver tells a child on its command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Its number, never used twice.
    pub(crate) process: u32,
    /// The port of the proxy before Redis, and that of the source.
    pub(crate) redis: u16,
    pub(crate) source: u16,
    pub(crate) seed: u64,
    /// Whether values are kept near.
    pub(crate) near: bool,
    /// What is wrong with it.
    pub(crate) wrong: Option<Wrong>,
}

/// Runs until the driver says `quiet` and then `final`, or goes away.
pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let log = Log::start();
    let staleness = if options.wrong == Some(Wrong::Staleness) { STALENESS_WRONG } else { STALENESS };
    let cache = Cache::builder()
        .url(format!("redis://127.0.0.1:{}", options.redis))
        .lazy()
        .lease(LEASE)
        .guard(GUARD)
        .budget(BUDGET)
        .wait_max(WAIT_MAX)
        .near(if options.near { NEAR_BYTES } else { 0 })
        .staleness(staleness)
        .on_invalidation(|event| {
            if let Subject::Key(key) = event.subject {
                worker::delivered(key.as_str());
            }
        })
        .build()
        .await?;
    cache.clone().install()?;

    let end = Arc::new(AtomicBool::new(false));
    let mut rng = StdRng::seed_from_u64(options.seed);
    let numbers = Arc::new(AtomicU32::new(1));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let worker =
                Worker::new(options, StdRng::seed_from_u64(rng.random()), log.clone(), numbers.clone());
            tokio::spawn(worker.run(end.clone()))
        })
        .collect();
    let status = tokio::spawn(tell_status(cache.clone(), log.clone()));

    let mut orders = orders();
    let mut order = orders.recv().await;
    while order.as_deref() == Some("brace") {
        for key in plan::lasting() {
            let seed = StdRng::seed_from_u64(rng.random());
            tokio::spawn(Worker::new(options, seed, log.clone(), numbers.clone()).brace(key));
        }
        order = orders.recv().await;
    }
    expect(order, "quiet");
    end.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await?;
    }
    until_delivered(&cache).await;
    log.line(Line::Quiet);

    expect(orders.recv().await, "final");
    let mut reader = Worker::new(options, rng, log.clone(), numbers);
    for key in 0..KEYS {
        reader.read_finally(key).await;
    }
    status.abort();
    log.close();
    Ok(())
}

/// The driver's lines. A thread of its own reads them, and ends with the process.
fn orders() -> UnboundedReceiver<String> {
    let (sender, orders) = unbounded_channel();
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|order| sender.send(order))
    });
    orders
}

/// A child whose driver is gone ends at once.
fn expect(order: Option<String>, expected: &str) {
    if order.as_deref() != Some(expected) {
        std::process::exit(3);
    }
}

async fn tell_status(cache: Cache, log: Log) {
    loop {
        let before = clock::now();
        let status = cache.status();
        let waiting = u32::try_from(status.undelivered).unwrap_or(u32::MAX);
        let count = if status.suspended { u32::MAX } else { waiting };
        log.line(Line::Undelivered { before, after: clock::now(), count });
        sleep(STATUS_EVERY).await;
    }
}

async fn until_delivered(cache: &Cache) {
    let since = Instant::now();
    while cache.status().undelivered > 0 && since.elapsed() < QUIET_MAX {
        sleep(STATUS_EVERY).await;
    }
}
