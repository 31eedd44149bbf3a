//! What it costs to invalidate a tag with few values under it and with a million, and what a hit costs under tags:
//! in this process, on a Redis of its own, and near.
//!
//! ```sh
//! cargo bench --bench tags
//! ```
//!
//! It starts a `redis-server` on this machine.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cachemacro::store::memory::MemoryLimits;
use cachemacro::{Cache, cache_result};
use futures_util::future::join_all;

const SIZES: [u64; 3] = [1, 1_000, 1_000_000];

/// How many values are loaded at once.
const AT_ONCE: u64 = 500;

/// How often a tag is invalidated.
const INVALIDATIONS: usize = 100;

const HITS: u32 = 5_000;
const ROUNDS: usize = 10;

#[cache_result(ttl = "1h", key = "bench tags:<size>:<id>", tags = ["bench_size:<size>"])]
async fn row(size: u64, id: u64) -> u64 {
    size + id
}

#[cache_result(ttl = "1h", key = "bench none:<id>")]
async fn under_none(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "1h", key = "bench one:<id>", tags = ["bench_a:<id>"])]
async fn under_one(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "1h", key = "bench two:<id>", tags = ["bench_a:<id>", "bench_b:<id>"])]
async fn under_two(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "1h", key = "bench value:<id>", tags = ["bench_a:<value>"])]
async fn by_value(id: u64) -> u64 {
    id
}

/// Ends with the bench.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let args = ["--port", &port.to_string(), "--save", "", "--appendonly", "no"];
    let server = Command::new("redis-server").args(args).stdout(Stdio::null()).spawn();
    let _server = Server(server.expect("there is a `redis-server`"));
    let url = format!("redis://127.0.0.1:{port}");
    let memory = Cache::builder().memory(MemoryLimits { bytes_max: 2 << 30, entries_max: 4_000_000 });
    let memory = memory.build().await.expect("nothing to connect");
    let redis = loop {
        if let Ok(cache) = Cache::builder().url(&url).near(0).build().await {
            break cache;
        }
    };
    let near = Cache::connect(&url).await.expect("the server runs");
    for (name, cache) in [("in this process", &memory), ("on Redis", &redis)] {
        cache.scope(invalidate(name, cache)).await;
    }
    for (name, cache) in [("in this process", &memory), ("on Redis", &redis), ("near", &near)] {
        cache.scope(hit(name)).await;
    }
}

/// Invalidates a tag, with so many values under it at first. Each time one of them is loaded again before.
async fn invalidate(name: &str, cache: &Cache) {
    for size in SIZES {
        let start = Instant::now();
        for first in (0..size).step_by(AT_ONCE as usize) {
            join_all((first..size.min(first + AT_ONCE)).map(|id| row(size, id))).await;
        }
        let filled = start.elapsed();
        let mut times = Vec::with_capacity(INVALIDATIONS);
        for _ in 0..INVALIDATIONS {
            row(size, 0).await;
            let start = Instant::now();
            cache.invalidate_tag(format!("bench_size:{size}")).await.expect("it is taken");
            times.push(start.elapsed());
        }
        let first = micros(times[0]);
        times.sort_unstable();
        let median = micros(times[INVALIDATIONS / 2]);
        println!(
            "{name:16} {size:>9} values: the first {first:>8.1} µs, the median of {INVALIDATIONS} {median:>8.1} µs \
             (loaded in {:.1} s)",
            filled.as_secs_f64()
        );
    }
}

/// The best rounds of hits, in turn.
async fn hit(name: &str) {
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        // What is kept near is found a few times first.
        for _ in 0..20 {
            let _ = (under_none(1).await, under_one(1).await, under_two(1).await, by_value(1).await);
        }
        let mut times = [Duration::ZERO; 4];
        for (which, time) in times.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..HITS {
                match which {
                    0 => under_none(1).await,
                    1 => under_one(1).await,
                    2 => under_two(1).await,
                    _ => by_value(1).await,
                };
            }
            *time = start.elapsed() / HITS;
        }
        best = std::array::from_fn(|which| best[which].min(times[which]));
    }
    let none = micros(best[0]);
    let names = ["no tag", "one tag", "two tags", "one over the value"];
    for (of, time) in names.iter().zip(best) {
        println!("{name:16} a hit under {of:18} {:>8.2} µs  {:>5.2}", micros(time), micros(time) / none);
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
