//! One of a child's workers: a call, a line, a rest.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use cachemacro::Pending;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::Options;
use super::functions::{self, Failed, Job, long, short};
use super::log::Log;
use super::plan::{self, Plan};
use crate::clock;
use crate::record::{Call, Kind, Line, Outcome};
use crate::settings::Wrong;
use crate::source::Client;

tokio::task_local! {
    /// The keys that the hook has seen within the call under way, a bit for each.
    static DELIVERED: Arc<AtomicU64>;
}

/// The cache's hook: a key was taken by the store. Outside of a call it is a late delivery, of which the
/// status tells.
pub(super) fn delivered(key: &str) {
    let Some((name, number)) = key.split_once(':') else { return };
    let Ok(number) = number.parse::<u8>() else { return };
    if name == name_of(number) {
        let _ = DELIVERED.try_with(|keys| keys.fetch_or(1 << number, Ordering::Relaxed));
    }
}

/// Which function reads a key.
fn name_of(key: u8) -> &'static str {
    if key.is_multiple_of(2) { "short" } else { "long" }
}

pub(super) struct Worker {
    options: Options,
    rng: StdRng,
    log: Log,
    numbers: Arc<AtomicU32>,
    source: Mutex<Client>,
}

impl Worker {
    pub(super) fn new(options: Options, rng: StdRng, log: Log, numbers: Arc<AtomicU32>) -> Self {
        let source = Mutex::new(Client::new(options.source, options.process));
        Self { options, rng, log, numbers, source }
    }

    /// Calls until it is told to end.
    pub(super) async fn run(mut self, end: Arc<AtomicBool>) {
        while !end.load(Ordering::Relaxed) {
            let plan = Plan::draw(&mut self.rng);
            self.call(plan).await;
            sleep(plan.rest).await;
        }
    }

    /// Changes a key under a guard, and stays in there.
    pub(super) async fn brace(mut self, key: u8) {
        let plan = Plan::brace(&mut self.rng, key);
        self.call(plan).await;
    }

    pub(super) async fn read_finally(&mut self, key: u8) {
        let (before, after, rest) = Default::default();
        self.call(Plan { kind: Kind::Final, key, before, after, fails: false, leaves: None, rest }).await;
    }

    /// Makes a call and tells of it.
    async fn call(&mut self, plan: Plan) {
        let id = self.numbers.fetch_add(1, Ordering::Relaxed);
        let other = plan::beside(&mut self.rng, plan.key);
        let forgets = self.options.wrong == Some(Wrong::Forgets) && self.rng.random_bool(0.01);
        let keys = match plan.kind {
            Kind::Transaction => vec![plan.key, other],
            _ => vec![plan.key],
        };
        let start = clock::now();
        let job = Job::new(&self.source, id, plan, start);
        let seen = Arc::new(AtomicU64::new(0));
        let made = async {
            if plan.kind.is_read() {
                read(&job, plan.key).await
            } else if forgets {
                forget(&job, &keys, &seen).await
            } else {
                mutate(&job, &keys).await
            }
        };
        let mut polls = 0_u32;
        let made = counted(DELIVERED.scope(seen.clone(), made), &mut polls);
        let outcome = match plan.leaves {
            Some(after) => timeout(after, made).await.unwrap_or(Outcome::Dropped),
            None => made.await,
        };
        let (end, seen) = (clock::now(), seen.load(Ordering::Relaxed));
        let (kind, body) = (plan.kind, job.body());
        let at_once = polls == 1 && body.is_none() && matches!(outcome, Outcome::Saw(_));
        for key in keys {
            let outcome = match outcome {
                Outcome::Ended { .. } => Outcome::Ended { delivered: seen & (1 << key) != 0 },
                other => other,
            };
            self.log.line(Line::Call(Call { id, kind, key, start, end, outcome, body, at_once }));
        }
    }
}

/// Counts how often a future is polled.
async fn counted<F: Future>(future: F, polls: &mut u32) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        *polls += 1;
        future.as_mut().poll(context)
    })
    .await
}

async fn read(job: &Job<'_>, key: u8) -> Outcome {
    let is_short = name_of(key) == "short";
    let row = match job.plan.kind {
        Kind::Peek => {
            let peeked = if is_short { short::peek(key).await } else { long::peek(key).await };
            match peeked {
                Ok(Some(peek)) => peek.value,
                // An outage is an error of `peek`, which is asked for nothing but the cache.
                Ok(None) | Err(_) => return Outcome::Nothing,
            }
        }
        Kind::Refresh if is_short => short::refresh(job, key).await,
        Kind::Refresh => long::refresh(job, key).await,
        Kind::Strict if is_short => functions::short_strict(job, key).await,
        Kind::Strict => functions::long_strict(job, key).await,
        _ if is_short => short(job, key).await,
        _ => long(job, key).await,
    };
    match row {
        Ok(row) if row.is_whole(key) => Outcome::Saw(row.version),
        Ok(_) => Outcome::Torn,
        Err(failed) => outcome_of(failed),
    }
}

/// A mutation that failed has ended as well: it may have committed, and has invalidated.
async fn mutate(job: &Job<'_>, keys: &[u8]) -> Outcome {
    let key = keys[0];
    let changed = match job.plan.kind {
        Kind::Required => functions::change_guarded(job, key).await.map(drop),
        Kind::Unguarded => functions::change_unguarded(job, key).await.map(drop),
        Kind::Put => functions::put(job, key).await.map(drop),
        Kind::PutRequired => functions::put_guarded(job, key).await.map(drop),
        Kind::Transaction => transact(job, keys).await,
        Kind::ByHand => by_hand(job, key).await,
        Kind::Guarded => guarded(job, key).await,
        _ => functions::change(job, key).await.map(drop),
    };
    match changed {
        Err(Failed::Cache) => Outcome::Refused,
        Ok(()) | Err(Failed::Body) => Outcome::Ended { delivered: false },
    }
}

async fn transact(job: &Job<'_>, keys: &[u8]) -> Result<(), Failed> {
    let (mut tx, pending) = (Vec::new(), Pending::new());
    for key in keys {
        functions::stage(&mut tx, &pending, *key).await?;
    }
    pending.commit(job.commit(&tx)).await.map(drop)
}

async fn by_hand(job: &Job<'_>, key: u8) -> Result<(), Failed> {
    let committed = job.commit(&[key]).await.map(drop);
    // An error says that the store could not be told yet, which the hook tells as well.
    let _ = if name_of(key) == "short" { short::invalidate(key).await } else { long::invalidate(key).await };
    committed
}

async fn guarded(job: &Job<'_>, key: u8) -> Result<(), Failed> {
    let guard = if name_of(key) == "short" { short::guard(key).await? } else { long::guard(key).await? };
    match job.commit_row(key).await {
        Ok(row) => {
            let _ = guard.put(&row).await;
            Ok(())
        }
        Err(failed) => {
            let _ = guard.finish().await;
            Err(failed)
        }
    }
}

/// What a broken program does: it commits, and says that it has invalidated.
async fn forget(job: &Job<'_>, keys: &[u8], seen: &AtomicU64) -> Outcome {
    let _ = job.commit(keys).await;
    for key in keys {
        seen.fetch_or(1 << key, Ordering::Relaxed);
    }
    Outcome::Ended { delivered: true }
}

fn outcome_of(failed: Failed) -> Outcome {
    match failed {
        Failed::Body => Outcome::Failed,
        Failed::Cache => Outcome::Refused,
    }
}
