//! Real processes on one Redis: this test binary starts itself again, for one test.

use std::process::Command;
use std::sync::Arc;

use cachemacro::Cache;

use super::{connect, read, write};
use crate::support::{RedisServer, Source};

/// Names the part that the other process plays; without it, that test has nothing to do.
const PART: &str = "CACHEMACRO_TEST_PART";

#[tokio::test]
async fn another_process_starts_warm_and_its_mutation_is_seen_here() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Arc::new(Source::open());
    assert_eq!(read(&cache, &source).await, 1);
    play("read", &server);
    assert_eq!(read(&cache, &source).await, 1, "reading changes nothing");
    play("write", &server);
    source.write(2);
    assert_eq!(read(&cache, &source).await, 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn part_of_the_other_process() {
    let Ok(part) = std::env::var(PART) else { return };
    let cache = Cache::from_env().await.expect("the environment names the server");
    let source = Arc::new(Source::open());
    match part.as_str() {
        "read" => {
            source.write(99);
            assert_eq!(read(&cache, &source).await, 1, "it is there already");
            assert_eq!(source.loads(), 0);
        }
        "write" => cache.scope(write(&source, 7, 2)).await.expect("it is written"),
        other => panic!("no such part: {other}"),
    }
}

fn play(part: &str, server: &RedisServer) {
    let status = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "sharing::processes::part_of_the_other_process"])
        .env(PART, part)
        .env("CACHEMACRO_URL", server.url())
        .status()
        .expect("it starts");
    assert!(status.success(), "the other process fails at its part: {part}");
}
