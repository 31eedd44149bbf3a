//! Replays a workload, and takes the time of every call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::task::JoinSet;

use crate::shared::db::{Db, Load};
use crate::shared::queries::{Delays, Flight, FlightsError, correct_delays};
use crate::workload::{Answer, Ask, Step, Workload};

pub const CORRECT_DELAYS: &str = "correct_delays";

/// With the cache, or as if there were none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Uncached,
    Cached,
}

/// What one replay took.
pub struct Run {
    /// Of each function, how long its calls took, the shortest first.
    pub latencies: BTreeMap<&'static str, Vec<Duration>>,
    /// What the database did.
    pub loads: BTreeMap<&'static str, Load>,
    /// From the first call to the last.
    pub took: Duration,
}

impl Mode {
    pub async fn ask(self, db: &Db, ask: &Ask) -> Result<Answer, FlightsError> {
        match self {
            Self::Uncached => ask.uncached(db).await,
            Self::Cached => ask.cached(db).await,
        }
    }

    pub async fn correct(self, db: &Db, flight: &Flight, delays: Delays) -> Result<(), FlightsError> {
        match self {
            Self::Uncached => db.write_delays(flight.id, delays).await,
            Self::Cached => correct_delays(db, flight, delays).await,
        }
    }
}

/// Has `tasks` tasks take the steps in their order, until none is left or `stop` is set.
///
/// # Errors
///
/// The first that a call returned.
pub async fn replay(
    db: &Db,
    workload: &Arc<Workload>,
    mode: Mode,
    tasks: usize,
    bar: &ProgressBar,
    stop: &Arc<AtomicBool>,
) -> Result<Run, FlightsError> {
    let loads_before = db.loads();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut replaying = JoinSet::new();
    for _ in 0..tasks {
        let (db, workload, bar) = (db.clone(), workload.clone(), bar.clone());
        let (next, stop) = (next.clone(), stop.clone());
        replaying.spawn(async move {
            let mut clock = Clock { latencies: BTreeMap::new() };
            while let Some(step) = workload.steps.get(next.fetch_add(1, Relaxed))
                && !stop.load(Relaxed)
            {
                clock.take(&db, step, mode).await?;
                bar.inc(1);
            }
            Ok::<_, FlightsError>(clock.latencies)
        });
    }
    let mut latencies = BTreeMap::<_, Vec<_>>::new();
    for of_task in replaying.join_all().await {
        for (function, times) in of_task? {
            latencies.entry(function).or_default().extend(times);
        }
    }
    let took = began.elapsed();
    latencies.values_mut().for_each(|times| times.sort_unstable());
    let mut loads = db.loads();
    for (name, before) in loads_before {
        let load = loads.entry(name).or_default();
        *load = Load { queries: load.queries - before.queries, busy: load.busy - before.busy };
    }
    Ok(Run { latencies, loads, took })
}

struct Clock {
    latencies: BTreeMap<&'static str, Vec<Duration>>,
}

impl Clock {
    async fn take(&mut self, db: &Db, step: &Step, mode: Mode) -> Result<(), FlightsError> {
        match step {
            Step::Ask(ask) => self.time(ask.function(), mode.ask(db, ask)).await.map(drop),
            // Every correction is taken back, through the same mutation. So both replays read the same data, and
            // two processes, each with a database of its own, can share one cache: whatever one of them stores
            // while it differs from the other goes at the latest when it no longer does.
            Step::Correct(flight) => {
                self.time(CORRECT_DELAYS, mode.correct(db, flight, later(flight.delays))).await?;
                let tailnum = flight.tailnum.clone().unwrap_or_default();
                let plane = Ask::Plane { tailnum };
                let read = self.time(plane.function(), mode.ask(db, &plane)).await;
                self.time(CORRECT_DELAYS, mode.correct(db, flight, flight.delays)).await?;
                read.map(drop)
            }
        }
    }

    async fn time<T>(&mut self, function: &'static str, call: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let output = call.await;
        self.latencies.entry(function).or_default().push(began.elapsed());
        output
    }
}

/// What a correction writes: an hour more, which changes every mean that the flight is in.
pub fn later(delays: Delays) -> Delays {
    Delays { dep: delays.dep.map(|minutes| minutes + 60), arr: delays.arr.map(|minutes| minutes + 60) }
}
