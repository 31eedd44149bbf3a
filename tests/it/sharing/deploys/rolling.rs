//! A rolling deploy of two programs on one redis-server, under load: this test binary starts itself again
//! as the old version and as the new one, two processes of each.

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cachemacro::{Cache, cache_result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::{USERS, after, before};
use crate::support::RedisServer;

/// Names the version that a process is; without it, that test has nothing to do.
const VERSION: &str = "CACHEMACRO_TEST_VERSION";

/// How many tasks of each process call at the same time.
const CALLERS: usize = 8;

/// What one version takes for a user.
trait Version: Clone + Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static {
    fn made(id: u64) -> Self;
}

impl Version for before::User {
    fn made(id: u64) -> Self {
        Self { id, age: 2 * id, score: 3 * id }
    }
}

impl Version for after::User {
    fn made(id: u64) -> Self {
        Self { id, age: 2 * id, score: 3 * id }
    }
}

static CALLS: AtomicU64 = AtomicU64::new(0);
static LOADS: AtomicU64 = AtomicU64::new(0);

/// One function with one key in both programs. A process calls it for one version alone.
#[cache_result(ttl = "1h", key = "deploy:rolling:<id>", skip(U))]
async fn user<U: Version>(id: u64) -> Option<U> {
    LOADS.fetch_add(1, Ordering::Relaxed);
    Some(U::made(id))
}

async fn all<U: Version>(cache: &Cache) {
    for id in 0..USERS {
        CALLS.fetch_add(1, Ordering::Relaxed);
        assert_eq!(cache.scope(user::<U>(id)).await, Some(U::made(id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn part_of_a_version() {
    match std::env::var(VERSION).as_deref() {
        Ok("before") => serve::<before::User>().await,
        Ok("after") => serve::<after::User>().await,
        _ => {}
    }
}

/// Asks for all users until it is told to end, and then, if it is told so, until nothing is replaced any more.
async fn serve<U: Version>() {
    let cache = Cache::from_env().await.expect("the environment names the server");
    all::<U>(&cache).await;
    println!("\ndeploy: warm");
    let is_over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, is_over) = (cache.clone(), Arc::clone(&is_over));
        callers.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                all::<U>(&cache).await;
            }
        });
    }
    let told = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let told = told.await.expect("it is read").expect("the other process writes");
    is_over.store(true, Ordering::Relaxed);
    callers.join_all().await;
    if told.trim() == "settle" {
        all::<U>(&cache).await;
        let settled = LOADS.load(Ordering::Relaxed);
        all::<U>(&cache).await;
        assert_eq!(LOADS.load(Ordering::Relaxed), settled, "the old version is gone");
    }
    println!("\ndeploy: {} {}", CALLS.load(Ordering::Relaxed), LOADS.load(Ordering::Relaxed));
}

/// A process of one version.
struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it; returns once it has asked for all users.
    fn start(version: &str, server: &RedisServer) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the test binary"))
            .args(["--exact", "sharing::deploys::rolling::part_of_a_version", "--nocapture"])
            .env(VERSION, version)
            .env("CACHEMACRO_URL", server.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut running = Self { child, input, output };
        assert_eq!(running.said(), "warm");
        running
    }

    /// The next line that is meant for this process.
    fn said(&mut self) -> String {
        let lines = (&mut self.output).lines().map(|line| line.expect("it is text"));
        let said = lines.filter_map(|line| line.strip_prefix("deploy: ").map(str::to_owned)).next();
        said.expect("it fails; what it says is above")
    }

    /// Ends it; returns how many calls and loads there were.
    fn end(mut self, how: &str) -> (u64, u64) {
        writeln!(self.input, "{how}").expect("it listens");
        let said = self.said();
        let (calls, loads) = said.split_once(' ').expect("two numbers");
        std::io::copy(&mut self.output, &mut std::io::sink()).expect("the rest is read");
        assert!(self.child.wait().expect("it ends").success());
        (calls.parse().expect("a number"), loads.parse().expect("a number"))
    }
}

#[test]
fn a_rolling_deploy_under_load_reads_misses_and_never_garbage() {
    let server = RedisServer::start();
    let old = [(); 2].map(|()| Running::start("before", &server));
    let mut ended = Vec::new();
    let mut new = Vec::new();
    for old in old {
        new.push(Running::start("after", &server));
        ended.push(old.end("stop"));
    }
    let last = new.pop().expect("the second");
    ended.extend(new.into_iter().map(|new| new.end("stop")));
    ended.push(last.end("settle"));
    let (calls, loads) = ended.iter().fold((0, 0), |(calls, loads), (c, l)| (calls + c, loads + l));
    let extra = loads.checked_sub(2 * USERS).expect("each version loads each user");
    println!(
        "{calls} calls of 4 processes over {USERS} keys, {loads} loads, {extra} more than without a deploy"
    );
}
