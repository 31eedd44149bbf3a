//! Servers to test against, and waiting for a condition.

#[cfg(feature = "redis")]
mod held;
mod redis_cluster;
mod redis_server;
mod source;

use std::future::Future;
use std::time::{Duration, Instant};

#[cfg(feature = "redis")]
pub(crate) use held::Held;
pub(crate) use redis_cluster::RedisCluster;
pub(crate) use redis_server::RedisServer;
pub(crate) use source::Source;

/// How long a condition may take that is expected to come true; far longer than it does.
const EVENTUALLY_MAX: Duration = Duration::from_secs(20);

/// Polls until the condition holds.
///
/// # Panics
///
/// After 20 s, naming what did not come true.
pub(crate) async fn eventually<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < EVENTUALLY_MAX, "not in time: {what}");
        // Leaves the processor to the server; nothing is assumed to have happened after it.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
