//! Three processes of a thousand callers each, all of one key that is not there: how many bodies run, and how soon
//! after the fill the last caller of another process has its value.

use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::{Cache, cache_result};

use crate::bar::Bar;
use crate::server::Server;
use crate::{now, runtime, start};

const PROCESSES: usize = 3;
const CALLERS: usize = 1_000;
const KEYS: u64 = 40;

/// How soon after the fill all of them have their value, in ms: where values are kept near, which is what tells of it.
const WOKEN_MAX: f64 = 2.0;

/// How long a body takes.
const LOAD: Duration = Duration::from_millis(80);

static BODIES: AtomicU64 = AtomicU64::new(0);

#[cache_result(ttl = "1h", key = "stampede:<id>")]
async fn slow(id: u64) -> u64 {
    BODIES.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(LOAD).await;
    id
}

/// One process: for each line that it reads, all of its callers ask for the next key. It tells how many bodies ran
/// here, and when the first and the last of them had a value.
pub(crate) fn callers(url: &str, near: u64) {
    runtime().block_on(async {
        let cache = Cache::builder().url(url).near(near).build().await.expect("the server runs");
        cache.clone().install().expect("nothing is installed yet");
        while near > 0 && cache.status().near.is_none_or(|near| near.coherent_for.is_none()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("ready");
        for (id, _go) in (0..KEYS).zip(std::io::stdin().lock().lines()) {
            let before = BODIES.load(Ordering::Relaxed);
            let calls = (0..CALLERS).map(|_| {
                tokio::spawn(async move {
                    slow(id).await;
                    now()
                })
            });
            let calls: Vec<_> = calls.collect();
            let (mut first, mut last) = (u64::MAX, 0);
            for call in calls {
                let at = call.await.expect("it cannot fail");
                (first, last) = (first.min(at), last.max(at));
            }
            println!("{} {first} {last}", BODIES.load(Ordering::Relaxed) - before);
        }
    });
}

/// Runs all of them, with a tier near the callers or without one; prints what it took, and returns what it says of the
/// bars.
pub(crate) fn measure(server: &Server, near: u64) -> Vec<Bar> {
    let args = ["callers", &server.url(), &near.to_string()];
    let mut processes: Vec<Child> = (0..PROCESSES).map(|_| start(&args)).collect();
    let mut outputs: Vec<_> = processes
        .iter_mut()
        .map(|process| BufReader::new(process.stdout.take().expect("it is piped")))
        .collect();
    let line = |output: &mut BufReader<_>| {
        let mut line = String::new();
        output.read_line(&mut line).expect("a process that runs");
        line
    };
    outputs.iter_mut().for_each(|output| assert_eq!(line(output), "ready\n"));
    let (mut bodies, mut firsts, mut lasts) = (0, Vec::new(), Vec::new());
    for _ in 0..KEYS {
        for process in &mut processes {
            process.stdin.as_mut().expect("it is piped").write_all(b"go\n").expect("a process that runs");
        }
        let told: Vec<[u64; 3]> = outputs
            .iter_mut()
            .map(|output| {
                let line = line(output);
                let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
                std::array::from_fn(|_| numbers.next().expect("three of them"))
            })
            .collect();
        bodies += told.iter().map(|[bodies, ..]| bodies).sum::<u64>();
        // A caller who leads returns as soon as its fill is acknowledged.
        let filled = told.iter().filter(|[bodies, ..]| *bodies > 0).map(|[_, first, _]| *first).min();
        let filled = filled.expect("somebody has loaded it");
        for [_, first, last] in told.iter().filter(|[bodies, ..]| *bodies == 0) {
            firsts.push(first.saturating_sub(filled) / 1_000);
            lasts.push(last.saturating_sub(filled) / 1_000);
        }
    }
    for mut process in processes {
        drop(process.stdin.take());
        assert!(process.wait().expect("it ends").success());
    }
    let how = if near > 0 { "near" } else { "without near" };
    println!("{KEYS} keys, {PROCESSES} processes of {CALLERS} callers, {how}\n");
    println!("| ms after the fill | median | p90 | most |\n|---|---|---|---|");
    row("the first caller of another process", firsts);
    let woken = row("all callers of another process", lasts);
    println!();
    let bodies = bodies as f64 / KEYS as f64;
    let mut bars = vec![Bar::new(&format!("stampede, {how}, bodies for each key"), ..=1.0, bodies, "")];
    if near > 0 {
        bars.push(Bar::new("stampede, all are woken after the fill, median", ..=WOKEN_MAX, woken, " ms"));
    }
    bars
}

/// Prints times in ms, and returns their median.
fn row(name: &str, mut micros: Vec<u64>) -> f64 {
    micros.sort_unstable();
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    println!("| {name} | {:.1} | {:.1} | {:.1} |", at(0.5), at(0.9), at(1.0));
    at(0.5)
}
