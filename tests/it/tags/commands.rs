//! What values under tags cost a Redis, and what becomes of a tag that it does not take.

use super::read;
use crate::support::{RedisServer, Source};

/// How often the server has carried a command out.
pub(super) fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let calls = line.and_then(|line| line.split("calls=").nth(1)?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

#[tokio::test]
async fn a_hit_is_one_command_for_the_key_and_one_for_each_tag() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    read(&cache, &source, "red", 0).await;
    let counted = || ["set", "get", "evalsha", "eval"].map(|command| calls(&server, command));
    let before = counted();
    assert_eq!(read(&cache, &source, "red", 0).await, 1);
    let after = counted();
    assert_eq!(after, [before[0] + 3, before[1], before[2], before[3]], "two tags");
    // However many values there are; once the server knows the script.
    cache.invalidate_tag("tags").await.expect("it is taken");
    for page in 1..50 {
        read(&cache, &source, "red", page).await;
    }
    let before = counted();
    cache.invalidate_tag("tags team:red").await.expect("it is taken");
    let after = counted();
    assert_eq!(after[0], before[0]);
    // The release of a lease may still have been on its way.
    let scripts = (after[2] + after[3]) - (before[2] + before[3]);
    assert!((1..=3).contains(&scripts), "{scripts} for 50 values");
}

#[tokio::test]
async fn a_tag_that_the_store_did_not_take_is_not_read_under() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    assert_eq!(read(&cache, &source, "red", 0).await, 1);
    assert_eq!(read(&cache, &source, "blue", 0).await, 1);
    server.stop_signal();
    source.write(2);
    assert!(cache.invalidate_tag("tags team:red").await.is_err());
    assert_eq!(read(&cache, &source, "red", 0).await, 2);
    server.continue_signal();
    assert_eq!(read(&cache, &source, "red", 0).await, 2);
    crate::support::eventually("it is delivered", async || cache.status().undelivered == 0).await;
    assert_eq!(read(&cache, &source, "red", 0).await, 2);
    crate::support::eventually("what is not under it is served", async || {
        read(&cache, &source, "blue", 0).await == 1
    })
    .await;
}
