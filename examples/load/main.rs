//! Load on the axum example: requests per second and latency without a cache, with it in the process, and on Redis with hot values kept near.
//!
//! ```sh
//! cargo bench -p cachemacro-examples --bench load                  # -- --seconds 10 --connections 32
//! ```
//!
//! The server is `--example axum`, built, and started anew for each row, over one SQLite file. The requests are those of
//! the example `flights`, drawn from one seed. Each connection sends its next request when it has the last answer. Client
//! and server share the machine. Redis is a redis-server of its own; its row is left out where that is not installed.

#![allow(unreachable_pub, reason = "a program exports nothing, so the shorter word will do")]

#[allow(dead_code, reason = "answers are not compared here")]
#[path = "../flights/workload.rs"]
mod workload;

#[allow(dead_code, reason = "nothing is corrected here")]
#[path = "../shared/mod.rs"]
mod shared;

mod client;
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::client::Load;
use crate::server::{Redis, Server};
use crate::shared::args::Args;
use crate::shared::db::Db;
use crate::workload::{Ask, Step, Workload};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// They are sent over and over.
const REQUESTS: usize = 100_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = Args::of_process();
    let time = Duration::from_secs(args.take("--seconds")?.unwrap_or(10));
    let connections = args.take("--connections")?.unwrap_or(32);

    let file = OwnFile::new();
    let paths = draw(&file).await?;
    let program = server::build()?;
    let redis = Redis::start()?;
    let caches = [
        ("none", Some("off://".to_owned())),
        ("in the process", Some("memory://".to_owned())),
        ("Redis, and kept near", redis.as_ref().map(Redis::url)),
    ];

    // What is left is cargo's own `--bench`.
    println!(
        "{connections} connections, {} s each, {} cores for all",
        time.as_secs(),
        available_parallelism()?
    );
    println!("| cache | requests/s | of none | p50 | p99 | hit rate |\n|---|---|---|---|---|---|");
    let mut of_none = None;
    for (name, url) in caches {
        let Some(url) = url else { continue };
        let server = Server::start(&program, &file.0, &url)?;
        let load = Load { address: server.address, paths: Arc::clone(&paths), connections, time };
        let told = load.run().await?;
        let times = told.per_second / *of_none.get_or_insert(told.per_second);
        let [p50, p99] = [0.5, 0.99].map(|share| told.latency(share).as_secs_f64() * 1e3);
        println!(
            "| {name} | {:.0} | {times:.1}× | {p50:.2} ms | {p99:.2} ms | {:.1} % |",
            told.per_second,
            100.0 * told.hit_rate
        );
    }
    Ok(())
}

/// The paths to ask for, of a database that is filled on the way.
async fn draw(file: &OwnFile) -> Result<Arc<[String]>, Failure> {
    let db = Db::open(Some(file.0.clone())).await?;
    let workload = Workload::draw(&db, REQUESTS, 2013).await?;
    let asks = workload.steps.iter().filter_map(|step| match step {
        Step::Ask(ask) => Some(path_of(ask)),
        Step::Correct(_) => None,
    });
    Ok(asks.collect())
}

fn path_of(ask: &Ask) -> String {
    match ask {
        Ask::Routes { month } => format!("/routes/{month}"),
        Ask::Delays { airport, month } => format!("/airports/{airport}/delays?month={month}"),
        Ask::Plane { tailnum } => format!("/planes/{tailnum}"),
        Ask::Punctuality { origin, dest } => format!("/punctuality/{origin}/{dest}"),
    }
}

/// A database file that goes at the end.
struct OwnFile(PathBuf);

impl OwnFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("cachemacro-load-{}.sqlite", std::process::id())))
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // A file that is not there is as good as one removed.
            let _ = std::fs::remove_file(name);
        }
    }
}
