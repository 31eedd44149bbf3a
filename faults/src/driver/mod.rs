//! The driver: source, server, proxies and children; the faults; and at the end the checker and its report.

mod children;
mod injector;
mod proxy;
mod server;

use std::error::Error;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::checker::{Findings, History, check};
use crate::clock::{self, Micros};
use crate::report::Report;
use crate::settings::{CHILDREN, CHILDREN_NEAR, GUARD, SLACK, Wrong};
use crate::source::Source;
use children::{Heard, Posting, Slot};
use injector::{Stage, strike_around, strike_links, strike_server};
use proxy::Proxy;
use server::Server;

/// How long a child has to deliver all that waits, once all faults are over, and to end.
const QUIET_MAX: Duration = Duration::from_secs(20);

/// A run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) wrong: Option<Wrong>,
    /// Whether the server refuses to tell of changes, so that those who invalidate publish it.
    pub(crate) refuses_tracking: bool,
}

/// Runs it, prints the report, and says whether all is well.
///
/// Everything that it starts is ended with it, also when it is interrupted: by the handles' own drops.
pub(crate) async fn run(options: Options) -> Result<bool, Box<dyn Error>> {
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        ended = strike_and_check(options) => ended,
        _ = interrupted.recv() => Err("interrupted".into()),
        _ = terminated.recv() => Err("terminated".into()),
    }
}

async fn strike_and_check(options: Options) -> Result<bool, Box<dyn Error>> {
    let began = clock::now();
    let (source, heard) = (Source::default(), Heard::default());
    let stage = Arc::new(set_up(options, &source, &heard).await?);

    let until = Instant::now() + options.time;
    let mut rng = StdRng::seed_from_u64(options.seed);
    let [first, second, third] = std::array::from_fn(|_| StdRng::seed_from_u64(rng.random()));
    tokio::try_join!(
        strike_server(stage.clone(), first, until),
        strike_around(stage.clone(), second, until),
        strike_links(stage.clone(), third, until)
    )?;
    let over = clock::now();
    let failures = settle(&stage, &heard).await;

    let windows = stage.windows.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let history = History { told: std::mem::take(&mut *heard.lock()), commits: source.commits(), windows };
    let findings = check(&history);
    let (evicted, span) = (stage.evicted.load(Ordering::Relaxed), (began, over));
    stage.server.kill().await;
    Ok(tell(options, history, findings, failures, evicted, span))
}

/// Starts everything, each child behind a proxy of its own.
async fn set_up(options: Options, source: &Source, heard: &Heard) -> Result<Stage, Box<dyn Error>> {
    let source = source.serve().await?;
    let server = Server::start(options.refuses_tracking).await?;
    let ids = Arc::new(AtomicU32::new(1));
    let (mut proxies, mut slots) = (Vec::new(), Vec::new());
    for place in 0..CHILDREN {
        let proxy = Proxy::start(server.port()).await?;
        let posting = Posting { redis: proxy.port(), source, near: place < CHILDREN_NEAR };
        let slot = Slot::new(posting, options, ids.clone(), heard.clone());
        slot.start().await?;
        proxies.push(proxy);
        slots.push(slot);
    }
    Ok(Stage { server, proxies, slots, windows: Mutex::default(), evicted: AtomicU64::new(0) })
}

/// With all faults over: everything is delivered, every guard ends, and every child reads every key.
async fn settle(stage: &Stage, heard: &Heard) -> Vec<String> {
    let mut failures = Vec::new();
    for slot in &stage.slots {
        slot.order("quiet").await;
    }
    for (place, slot) in stage.slots.iter().enumerate() {
        if !slot.is_quiet(QUIET_MAX).await {
            failures.push(format!("child {place} does not come to rest"));
        }
    }
    sleep(GUARD + SLACK).await;
    for slot in &stage.slots {
        slot.order("final").await;
    }
    for (place, slot) in stage.slots.iter().enumerate() {
        let process = slot.process().await;
        if !slot.has_ended(QUIET_MAX).await {
            failures.push(format!("child {place} does not end as it should"));
        }
        let left = process.and_then(|process| heard.lock().undelivered_last.get(&process).copied());
        if left != Some(0) {
            failures.push(format!("child {place} has not delivered {left:?} invalidations"));
        }
    }
    failures
}

fn tell(
    options: Options,
    history: History,
    findings: Findings,
    mut failures: Vec<String>,
    evicted: u64,
    (began, over): (Micros, Micros),
) -> bool {
    failures.extend(history.told.crashes.iter().map(|process| format!("process {process} ended by itself")));
    if findings.reads_amid_faults == 0 {
        failures.push("no read was concurrent with a fault".to_owned());
    }
    if findings.near == 0 {
        failures.push("no read was answered by what is kept near".to_owned());
    }
    let is_well = failures.is_empty() && findings.violations.is_empty();
    let seconds = (over - began) as f64 / 1e6;
    print!("{}", Report { history, findings, failures, evicted, seconds, seed: options.seed });
    is_well
}
