//! How soon a fill and an invalidation are seen in other processes, and what a storm of them does to a process.
//!
//! ```sh
//! cargo bench --bench coherence
//! ```
//!
//! It starts a redis-server of its own and seven processes that keep values near; it is the eighth itself, and
//! invalidates. A reader looks at the key that comes next about every 80 µs, so that nothing is told apart below that.

#[path = "../bar/mod.rs"]
mod bar;
mod reader;
mod server;
mod stampede;
mod storm;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachemacro::{Cache, cache_result};
use server::Server;

/// The processes beside this one.
const READERS: usize = 7;

/// The keys: each is invalidated once.
const KEYS: u32 = 3_000;

/// The pause before each invalidation, in µs, at least and at most.
const PAUSE: (u64, u64) = (1_000, 4_000);

/// The upper ends of the histogram's classes, in µs.
const CLASSES: [u64; 10] = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, u64::MAX];

#[cache_result(ttl = "1h", key = "coherence:<id>")]
async fn value(id: u32) -> Arc<u32> {
    let _ = id;
    // Whoever loads it again has another one.
    Arc::new(std::process::id())
}

/// Nanoseconds of the clock that all processes of the machine share.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(since.as_nanos()).expect("it is earlier than 2554")
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["reader", url, driver] => reader::run(url, driver.parse().expect("a number")),
        ["callers", url, near] => stampede::callers(url, near.parse().expect("a number")),
        ["weather", url] => storm::weather(url),
        ["storm", url] => storm::rage(url),
        // An empty server each.
        _ => match (Server::start(), Server::start(), Server::start()) {
            (Some(server), Some(first), Some(second)) => {
                let mut bars = stampede::measure(&first, 64 << 20);
                bars.extend(stampede::measure(&second, 0));
                bar::print(&bars);
                println!();
                drop((first, second));
                latencies(&server);
                let weather = Command::new(program()).args(["weather", &server.url()]).status();
                assert!(weather.expect("this program can be started").success());
            }
            _ => println!("redis-server is not installed"),
        },
    }
}

fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program")
}

/// A process of this program in another role.
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("this program can be started")
}

fn latencies(server: &Server) {
    let runtime = runtime();
    runtime.block_on(fill_all(&server.url()));
    let driver = std::process::id().to_string();
    let mut readers: Vec<_> = (0..READERS).map(|_| start(&["reader", &server.url(), &driver])).collect();
    for reader in &mut readers {
        let mut line = String::new();
        // One byte at a time: what comes after the line is read later.
        let mut output = BufReader::with_capacity(1, reader.stdout.as_mut().expect("it is piped"));
        output.read_line(&mut line).expect("a reader that runs");
        assert_eq!(line, "ready\n");
    }
    for reader in &mut readers {
        reader.stdin.as_mut().expect("it is piped").write_all(b"go\n").expect("a reader that runs");
    }
    let invalidated = runtime.block_on(invalidate_all());

    let (mut since_begin, mut since_end, mut before_end) = (Vec::new(), Vec::new(), 0_usize);
    for mut reader in readers {
        let mut told = String::new();
        reader.stdout.as_mut().expect("it is piped").read_to_string(&mut told).expect("a reader that runs");
        assert!(reader.wait().expect("it ends").success());
        let seen: Vec<u64> = told.lines().map(|line| line.parse().expect("a time")).collect();
        assert_eq!(seen.len(), invalidated.len(), "a reader sees all invalidations");
        for (seen, (begin, end)) in seen.into_iter().zip(&invalidated) {
            since_begin.push(seen.saturating_sub(*begin) / 1_000);
            since_end.push(seen.saturating_sub(*end) / 1_000);
            before_end += usize::from(seen <= *end);
        }
    }
    println!("{KEYS} invalidations, each seen by {READERS} other processes");
    println!("{:<16}{:>20}{:>20}", "", "since its begin", "since its end");
    let mut from = 0;
    for to in CLASSES {
        let count = |of: &[u64]| of.iter().filter(|micros| (from..to).contains(*micros)).count();
        let class = if to == u64::MAX { format!("from {from} µs on") } else { format!("up to {to} µs") };
        println!("{class:<16}{:>20}{:>20}", count(&since_begin), count(&since_end));
        from = to;
    }
    since_begin.sort_unstable();
    since_end.sort_unstable();
    for (name, share) in [("median", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("most", 1.0)] {
        let at = |of: &[u64]| of[((of.len() - 1) as f64 * share) as usize];
        println!("{name:<16}{:>17} µs{:>17} µs", at(&since_begin), at(&since_end));
    }
    let share = before_end as f64 / since_end.len() as f64 * 100.0;
    println!("seen before the call that invalidates had returned: {share:.1} %\n");
}

/// Loads all, so that the readers only find it: of those who load one key at once, all but one wait.
async fn fill_all(url: &str) {
    Cache::builder()
        .url(url)
        .near(0)
        .build()
        .await
        .expect("the server runs")
        .install()
        .expect("nothing is installed yet");
    for key in 0..KEYS {
        value(key).await;
    }
}

/// Invalidates each key once; says when each call began and when it had returned.
async fn invalidate_all() -> Vec<(u64, u64)> {
    let mut invalidated = Vec::new();
    for key in 0..KEYS {
        // Any, but the same in each run.
        let pause = PAUSE.0 + u64::from(key).wrapping_mul(2_654_435_761) % (PAUSE.1 - PAUSE.0);
        tokio::time::sleep(Duration::from_micros(pause)).await;
        let begin = now();
        value::invalidate(key).await.expect("the server runs");
        invalidated.push((begin, now()));
    }
    invalidated
}
