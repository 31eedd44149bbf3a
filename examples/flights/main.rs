//! Replays one workload over 336,776 real flights twice: as if there were no cache, then with it.
//!
//! ```sh
//! cargo run --release --example flights
//! CACHEMACRO_URL=redis://127.0.0.1/ cargo run --release --example flights   # run it twice, or beside itself
//! ```
//!
//! `--calls 15000` steps, drawn from `--seed 2013`, are taken by `--tasks 4` tasks at a time. It prints, per function,
//! the calls, the hits, the runs of the body, the median and the 99th percentile of both replays; then what the
//! database did in each; then what was promised beside what was measured. It fails if an answer was wrong.
//!
//! Nothing is slowed down: the database has an index for each question and enough memory for all of itself, no call
//! sleeps, and both replays take the same steps, mutations and all. With Redis the answers outlive the process: a
//! second copy says how many it found there.

#![allow(unreachable_pub, reason = "a program exports nothing, so the shorter word will do")]

#[path = "../shared/mod.rs"]
mod shared;

mod checks;
mod replay;
mod report;
mod workload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachemacro::Cache;
use indicatif::{ProgressBar, ProgressStyle};

use crate::checks::{check, fingerprint};
use crate::replay::{Mode, Run, replay};
use crate::report::Report;
use crate::shared::args::Args;
use crate::shared::db::Db;
use crate::workload::Workload;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = Args::of_process();
    let calls = args.take("--calls")?.unwrap_or(15_000);
    let seed = args.take("--seed")?.unwrap_or(2013);
    let tasks = args.take("--tasks")?.unwrap_or(4).max(1);
    args.finish("`--calls`, `--seed` and `--tasks`")?;

    // A step that was begun is ended first: no correction is left standing, here or in a shared cache.
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopped.store(true, Relaxed);
        }
    });

    let cache = Cache::from_env().await?;
    cache.clone().install()?;
    println!("cache: {}", cache.status().store);

    let began = Instant::now();
    let db = Db::open(None).await?;
    let workload = Arc::new(Workload::draw(&db, calls, seed).await?);
    let distinct = workload.distinct();
    println!("database: filled in {:.1} s", began.elapsed().as_secs_f64());
    println!("workload: {calls} steps, {} different calls, {tasks} tasks", distinct.len());
    let mut stored = 0;
    for ask in &distinct {
        stored += usize::from(ask.is_stored().await?);
    }
    println!("of these, {stored} answers are in the cache already");

    let before = fingerprint(&db).await?;
    let uncached = run("without", Mode::Uncached, &db, &workload, tasks, &stop).await?;
    let between = fingerprint(&db).await?;
    let cached = run("with", Mode::Cached, &db, &workload, tasks, &stop).await?;
    let hits = report::hits();
    if [between, fingerprint(&db).await?] != [before, before] {
        return Err("the replays did not leave the data as they found it".into());
    }

    let report =
        Report { uncached: &uncached, cached: &cached, hits, checked: check(&db, &workload, seed).await? };
    report.print();
    println!("\n{}", cache.status());
    cache.close(Duration::from_secs(5)).await;
    if report.is_right() { Ok(()) } else { Err("the cache was wrong".into()) }
}

async fn run(
    name: &'static str,
    mode: Mode,
    db: &Db,
    workload: &Arc<Workload>,
    tasks: usize,
    stop: &Arc<AtomicBool>,
) -> Result<Run, Failure> {
    let style = ProgressStyle::with_template("{prefix:>8} {wide_bar} {pos}/{len} {elapsed}")?;
    let bar = ProgressBar::new(workload.steps.len() as u64).with_style(style).with_prefix(name);
    let run = replay(db, workload, mode, tasks, &bar, stop).await?;
    bar.finish();
    if stop.load(Relaxed) { Err("interrupted".into()) } else { Ok(run) }
}
