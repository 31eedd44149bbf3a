//! What a policy buys: a hot key over several expiries, and an outage of the source.
//!
//! ```sh
//! cargo bench --bench freshness
//! ```
//!
//! One key is called 10,000 times a second for 10 s, its ttl is 1 s, and its source takes 50 ms: for each policy,
//! how long calls take from when they were due, and how often the body ran. Then a source fails for 30 s while 100
//! keys are called 1,000 times a second, with a ttl of 5 s: how many calls failed. It takes 80 s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cachemacro::{Cache, Handle, cache_result};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

const TICK: Duration = Duration::from_millis(1);
const CALLS_PER_TICK: usize = 10;
const RUN: Duration = Duration::from_secs(10);
const SOURCE_TAKES: Duration = Duration::from_millis(50);

const OUTAGE_AFTER: Duration = Duration::from_secs(5);
const OUTAGE: Duration = Duration::from_secs(30);
const KEYS: usize = 100;

/// A source that takes its time, and may be down.
#[derive(Clone, Default)]
struct Source(Arc<State>);

#[derive(Default)]
struct State {
    runs: AtomicUsize,
    is_down: AtomicBool,
}

impl Handle for Source {}

#[derive(Clone, Debug)]
struct Down;

impl Source {
    async fn load(&self) -> Result<usize, Down> {
        let run = self.0.runs.fetch_add(1, Ordering::Relaxed);
        sleep(SOURCE_TAKES).await;
        if self.0.is_down.load(Ordering::Relaxed) { Err(Down) } else { Ok(run) }
    }
}

#[cache_result(ttl = "1s", jitter = "0%", key = "bench:plain")]
async fn plain(source: &Source) -> Result<usize, Down> {
    source.load().await
}

#[cache_result(ttl = "1s", jitter = "0%", early = on, key = "bench:early")]
async fn early(source: &Source) -> Result<usize, Down> {
    source.load().await
}

#[cache_result(ttl = "1s", jitter = "0%", stale_while_revalidate = "1s", key = "bench:revalidated")]
async fn revalidated(source: &Source) -> Result<usize, Down> {
    source.load().await
}

#[cache_result(ttl = "1s", jitter = "0%", early = on, stale_while_revalidate = "1s", key = "bench:both")]
async fn both(source: &Source) -> Result<usize, Down> {
    source.load().await
}

#[cache_result(ttl = "5s", key = "bench:bare:<key>")]
async fn bare(source: &Source, key: usize) -> Result<usize, Down> {
    let _ = key;
    source.load().await
}

#[cache_result(ttl = "5s", stale_if_error = "1h", key = "bench:covered:<key>")]
async fn covered(source: &Source, key: usize) -> Result<usize, Down> {
    let _ = key;
    source.load().await
}

#[tokio::main]
async fn main() -> cachemacro::Result<()> {
    Cache::builder().build().await?.install()?;
    println!("10,000 calls a second of one key for 10 s; its ttl is 1 s, its source takes 50 ms\n");
    println!("{:<34} {:>9} {:>9} {:>9} {:>6}", "", "median", "p99", "longest", "runs");
    hot("plain ttl", async |source| plain(&source).await).await;
    hot("early", async |source| early(&source).await).await;
    hot("stale_while_revalidate", async |source| revalidated(&source).await).await;
    hot("early, stale_while_revalidate", async |source| both(&source).await).await;
    println!("\nthe source fails for 30 of 40 s; 1,000 calls a second of 100 keys, their ttl is 5 s\n");
    println!("{:<34} {:>9} {:>9}", "", "calls", "failed");
    let bare = outage(async |source, key| bare(&source, key).await);
    let covered = outage(async |source, key| covered(&source, key).await);
    let (bare, covered) = tokio::join!(bare, covered);
    for (name, [calls, failed]) in [("plain ttl", bare), ("stale_if_error", covered)] {
        println!("{name:<34} {calls:>9} {:>8.1} %", failed as f64 * 100.0 / calls as f64);
    }
    Ok(())
}

/// Calls one key, and prints how long that took.
async fn hot<F>(name: &str, call: impl Fn(Source) -> F + Copy + Send + 'static)
where
    F: Future<Output = Result<usize, Down>> + Send + 'static,
{
    let source = Source::default();
    call(source.clone()).await.expect("the source is up");
    let (mut calls, mut took) = (JoinSet::new(), Vec::new());
    let (mut ticks, start) = (ticks(), Instant::now());
    while start.elapsed() < RUN {
        let due = ticks.tick().await;
        for _ in 0..CALLS_PER_TICK {
            let answer = call(source.clone());
            calls.spawn(async move {
                answer.await.expect("the source is up");
                due.elapsed()
            });
        }
        while let Some(done) = calls.try_join_next() {
            took.push(done.expect("no call panics"));
        }
    }
    took.extend(calls.join_all().await);
    took.sort_unstable();
    let at = |share: usize| ms(took[(took.len() - 1) * share / 1000]);
    let runs = source.0.runs.load(Ordering::Relaxed) - 1;
    println!("{name:<34} {:>6.2} ms {:>6.2} ms {:>6.2} ms {runs:>6}", at(500), at(990), at(1000));
}

/// Calls many keys through an outage: how many calls there were, and how many failed.
async fn outage<F>(call: impl Fn(Source, usize) -> F) -> [usize; 2]
where
    F: Future<Output = Result<usize, Down>> + Send + 'static,
{
    let (source, mut calls, mut failed) = (Source::default(), JoinSet::new(), 0);
    let (mut ticks, start) = (ticks(), Instant::now());
    let mut count = 0;
    while start.elapsed() < 2 * OUTAGE_AFTER + OUTAGE {
        ticks.tick().await;
        let is_down = (OUTAGE_AFTER..OUTAGE_AFTER + OUTAGE).contains(&start.elapsed());
        source.0.is_down.store(is_down, Ordering::Relaxed);
        calls.spawn(call(source.clone(), count % KEYS));
        count += 1;
        while let Some(done) = calls.try_join_next() {
            failed += usize::from(done.expect("no call panics").is_err());
        }
    }
    failed += calls.join_all().await.iter().filter(|answer| answer.is_err()).count();
    [count, failed]
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
