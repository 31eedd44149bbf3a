//! What a batch costs on a Redis of its own, beside as many single calls, beside a bare `MGET`, and beside what a program
//! does by hand that has no protocol: an `MGET`, and for what is missing one pipeline of `SET`s.
//!
//! ```sh
//! cargo bench --bench batches
//! ```
//!
//! It starts a `redis-server` on this machine. Each number is the best of several rounds, which are taken in turn.

use std::collections::HashMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cachemacro::{Cache, cache_result};
use redis::aio::MultiplexedConnection;

/// How many ids a batch has.
const IDS: u64 = 100;
const ROUNDS: usize = 200;

#[cache_result(ttl = "1h", key = "bench:<id>")]
async fn row(id: u64) -> Option<String> {
    Some(text(id))
}

#[cache_result(batch(ids), ttl = "1h", key = "bench:<ids>", shares = row)]
async fn rows(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, text(*id))).collect()
}

/// About 100 bytes.
fn text(id: u64) -> String {
    format!("{id:0>100}")
}

/// Ends with the bench.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The best time of each way, in turn.
#[derive(Clone, Copy)]
struct Best(Duration);

impl Best {
    fn take(&mut self, start: Instant) {
        self.0 = self.0.min(start.elapsed());
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
    let cache = loop {
        // What is kept near would answer all but the first round.
        if let Ok(cache) = Cache::builder().url(&url).near(0).build().await {
            break cache;
        }
    };
    let client = redis::Client::open(url).expect("a client");
    let mut bare = client.get_multiplexed_async_connection().await.expect("a connection");
    println!("{IDS} ids, best of {ROUNDS}");
    cache.scope(compare(&mut bare)).await;
}

async fn compare(bare: &mut MultiplexedConnection) {
    let ids: Vec<u64> = (0..IDS).collect();
    let none = Best(Duration::MAX);
    let (mut mget, mut hits, mut singles) = (none, none, none);
    let (mut half, mut half_singles, mut misses) = (none, none, none);
    let (mut half_by_hand, mut misses_by_hand) = (none, none);
    for _ in 0..ROUNDS {
        rows(&ids).await;
        let start = Instant::now();
        let mut command = redis::cmd("MGET");
        for id in &ids {
            command.arg(format!("bench:{id}"));
        }
        let values: Vec<Vec<u8>> = command.query_async(bare).await.expect("values");
        mget.take(start);
        assert_eq!(values.len(), ids.len());

        let start = Instant::now();
        assert_eq!(rows(&ids).await.len(), ids.len());
        hits.take(start);

        let start = Instant::now();
        let calls = futures_util::future::join_all(ids.iter().map(|id| row(*id)));
        assert!(calls.await.iter().all(Option::is_some));
        singles.take(start);

        forget(&ids[..ids.len() / 2]).await;
        let start = Instant::now();
        assert_eq!(rows(&ids).await.len(), ids.len());
        half.take(start);

        forget(&ids[..ids.len() / 2]).await;
        let start = Instant::now();
        let calls = futures_util::future::join_all(ids.iter().map(|id| row(*id)));
        assert!(calls.await.iter().all(Option::is_some));
        half_singles.take(start);

        forget(&ids).await;
        let start = Instant::now();
        assert_eq!(rows(&ids).await.len(), ids.len());
        misses.take(start);

        for (missing, best) in [(ids.len() / 2, &mut half_by_hand), (ids.len(), &mut misses_by_hand)] {
            by_hand(bare, &ids).await;
            let mut forget = redis::cmd("DEL");
            ids[..missing].iter().for_each(|id| {
                forget.arg(format!("hand:{id}"));
            });
            let forgotten: usize = forget.query_async(bare).await.expect("a count");
            assert_eq!(forgotten, missing);
            let start = Instant::now();
            assert_eq!(by_hand(bare, &ids).await.len(), ids.len());
            best.take(start);
        }
    }
    for (name, Best(time)) in [
        ("a bare MGET", mget),
        ("a batch, all stored", hits),
        ("single calls, all stored", singles),
        ("a batch, half of them stored", half),
        ("single calls, half of them stored", half_singles),
        ("a batch, nothing stored", misses),
        ("by hand, half of them stored", half_by_hand),
        ("by hand, nothing stored", misses_by_hand),
    ] {
        let share = time.as_secs_f64() / mget.0.as_secs_f64();
        println!("{name:36} {:>8.0} µs  {share:>6.2}", time.as_secs_f64() * 1e6);
    }
}

/// Cache-aside: nothing keeps what is loaded here from replacing what is newer.
async fn by_hand(bare: &mut MultiplexedConnection, ids: &[u64]) -> HashMap<u64, String> {
    let mut command = redis::cmd("MGET");
    for id in ids {
        command.arg(format!("hand:{id}"));
    }
    let stored: Vec<Option<String>> = command.query_async(bare).await.expect("values");
    let missing: Vec<u64> =
        ids.iter().zip(&stored).filter_map(|(id, stored)| stored.is_none().then_some(*id)).collect();
    let mut all: HashMap<u64, String> =
        ids.iter().zip(stored).filter_map(|(id, stored)| Some((*id, stored?))).collect();
    let mut fill = redis::pipe();
    for id in missing {
        fill.cmd("SET").arg(format!("hand:{id}")).arg(text(id)).arg("PX").arg(3_600_000).ignore();
        all.insert(id, text(id));
    }
    if !fill.is_empty() {
        fill.query_async::<()>(bare).await.expect("the server stores");
    }
    all
}

async fn forget(ids: &[u64]) {
    for id in ids {
        rows::invalidate(*id).await.expect("the server answers");
    }
}
