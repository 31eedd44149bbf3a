//! A default method whose key does not tell one `Self` from another, in two processes that began with
//! different ones.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use cachemacro::{Cache, cache_result};

use crate::support::RedisServer;

/// Names the type that a process calls the method for; without it, that test has nothing to do.
const SELF: &str = "CACHEMACRO_TEST_SELF";

static LOADS: AtomicU64 = AtomicU64::new(0);

trait Owner: Sync {
    const NAME: &str;

    #[cache_result(ttl = "1h", key = "instances:<id>", skip(self))]
    async fn named(&self, id: u64) -> String {
        LOADS.fetch_add(1, Ordering::Relaxed);
        format!("{} {id}", Self::NAME)
    }
}

struct Anna;
impl Owner for Anna {
    const NAME: &str = "anna";
}

struct Berta;
impl Owner for Berta {
    const NAME: &str = "berta";
}

#[tokio::test]
async fn a_process_for_one_self() {
    match std::env::var(SELF).as_deref() {
        Ok("anna") => ask(Anna).await,
        Ok("berta") => ask(Berta).await,
        _ => {}
    }
}

/// Asks twice; says how many of the two were loads.
async fn ask(owner: impl Owner) {
    let cache = Cache::from_env().await.expect("the environment names the server");
    for _ in 0..2 {
        assert_eq!(cache.scope(owner.named(7)).await, owner_of(&owner));
    }
    println!("\nloads: {}", LOADS.load(Ordering::Relaxed));
}

fn owner_of<O: Owner>(_: &O) -> String {
    format!("{} 7", O::NAME)
}

fn loads(owner: &str, server: &RedisServer) -> String {
    let output = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "sharing::instances::a_process_for_one_self", "--nocapture"])
        .env(SELF, owner)
        .env("CACHEMACRO_URL", server.url())
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().find_map(|line| line.strip_prefix("loads: ")).expect("it says so").to_owned()
}

#[test]
fn a_process_never_reads_what_another_has_stored_for_another_self() {
    let server = RedisServer::start();
    let loads = ["anna", "anna", "berta", "anna"].map(|owner| loads(owner, &server));
    assert_eq!(loads, ["1", "0", "1", "1"], "a value of another `Self` is a miss, and replaced");
}
