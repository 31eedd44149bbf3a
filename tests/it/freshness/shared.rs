//! The same on Redis, over several processes: entries grow old by their own times, whoever reads them.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::store::Store;
use cachemacro::{Cache, cache_result};

use super::{Broken, Db};
use crate::support::{Held, RedisServer, eventually};

#[cache_result(ttl = "1h", jitter = "0%", stale_while_revalidate = "1h", key = "swr-on-redis")]
async fn revalidated(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[cache_result(ttl = "1h", jitter = "0%", stale_if_error = "2h", key = "sie-on-redis")]
async fn covered(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

/// Another build of the program, which knows of no staleness.
#[cache_result(ttl = "1h", jitter = "0%", key = "other-sie-on-redis")]
async fn plain(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[cache_result(ttl = "1h", idle = "10m", jitter = "0%", key = "idle-on-redis")]
async fn idling(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

async fn two(server: &RedisServer) -> [Cache; 2] {
    [server.cache().await, server.cache().await]
}

/// Makes an entry older, as if it had been filled that long before.
pub(super) fn grow_old(server: &RedisServer, key: &str, by: Duration) {
    const SCRIPT: &str = "local value, left = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
        local filled = struct.unpack('>I8', value:sub(18, 25)) - ARGV[1]
        value = value:sub(1, 17) .. struct.pack('>I8', filled) .. value:sub(26)
        return redis.call('SET', KEYS[1], value, 'PX', left - ARGV[1])";
    let answer = server.cli(&["EVAL", SCRIPT, "1", key, &by.as_millis().to_string()]);
    assert_eq!(answer, "OK");
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn one_process_of_all_refreshes_what_is_stale() {
    let (server, db) = (RedisServer::start(), Db::open());
    let [first, second] = two(&server).await;
    first.scope(revalidated(&db)).await.unwrap();
    assert_eq!(second.scope(revalidated(&db)).await, Ok(1));
    db.write(2);
    db.hold();
    grow_old(&server, "swr-on-redis", 61 * MINUTE);
    assert_eq!(first.scope(revalidated(&db)).await, Ok(1));
    eventually("it is being refreshed", async || db.loads() == 2).await;
    for _ in 0..20 {
        assert_eq!(first.scope(revalidated(&db)).await, Ok(1));
        assert_eq!(second.scope(revalidated(&db)).await, Ok(1));
    }
    assert_eq!(db.loads(), 2, "the other process knows of it");
    db.let_go();
    eventually("all have the new value", async || {
        first.scope(revalidated(&db)).await == Ok(2) && second.scope(revalidated(&db)).await == Ok(2)
    })
    .await;
    assert_eq!(db.loads(), 2);
    let lease = || server.cli(&["EXISTS", "cachemacro:refresh:swr-on-redis"]);
    eventually("the lease of the refresh is given up", async || lease() == "0").await;
}

#[tokio::test]
async fn what_another_process_has_refreshed_by_the_time_of_the_lease_is_not_loaded_again() {
    let (server, db) = (RedisServer::start(), Db::open());
    let (first, held) = (server.cache().await, Held::connect(&server).await);
    let second = Cache::builder().store(Arc::clone(&held) as Arc<dyn Store>).build().await.unwrap();
    first.scope(revalidated(&db)).await.unwrap();
    db.write(2);
    grow_old(&server, "swr-on-redis", 61 * MINUTE);
    held.hold();
    let late = {
        let (second, db) = (second.clone(), db.clone());
        tokio::spawn(async move { second.scope(revalidated(&db)).await })
    };
    held.answered(1).await;
    let is_leased = || server.cli(&["EXISTS", "cachemacro:refresh:swr-on-redis"]) == "1";
    eventually("the first process has the new value", async || {
        first.scope(revalidated(&db)).await == Ok(2) && !is_leased()
    })
    .await;
    assert_eq!(db.loads(), 2);
    held.let_go();
    assert_eq!(late.await.unwrap(), Ok(1), "it was looked up before");
    held.answered(1).await;
    eventually("the second process gives its lease back", async || !is_leased()).await;
    assert_eq!(db.loads(), 2);
}

#[tokio::test]
async fn an_invalidation_of_another_process_ends_what_is_stale() {
    let (server, db) = (RedisServer::start(), Db::open());
    let [first, second] = two(&server).await;
    first.scope(revalidated(&db)).await.unwrap();
    db.hold();
    grow_old(&server, "swr-on-redis", 61 * MINUTE);
    assert_eq!(first.scope(revalidated(&db)).await, Ok(1));
    eventually("it is being refreshed", async || db.loads() == 2).await;
    db.write(2);
    second.scope(revalidated::invalidate()).await.unwrap();
    db.let_go();
    for cache in [&first, &second] {
        assert_eq!(cache.scope(revalidated(&db)).await, Ok(2));
    }
}

#[tokio::test]
async fn a_value_past_its_ttl_covers_a_source_that_fails_and_no_invalidation() {
    let (server, db) = (RedisServer::start(), Db::open());
    let [first, second] = two(&server).await;
    first.scope(covered(&db)).await.unwrap();
    grow_old(&server, "sie-on-redis", 61 * MINUTE);
    db.fail(true);
    for cache in [&first, &second, &first] {
        assert_eq!(cache.scope(covered(&db)).await, Ok(1));
    }
    assert_eq!(db.loads(), 3, "each process has tried");
    db.fail(false);
    second.scope(covered::invalidate()).await.unwrap();
    db.fail(true);
    assert_eq!(first.scope(covered(&db)).await, Err(Broken));
}

#[tokio::test]
async fn a_function_that_knows_of_no_staleness_goes_by_the_ttl_an_entry_was_filled_with() {
    let (server, db) = (RedisServer::start(), Db::open());
    let [first, second] = two(&server).await;
    first.scope(covered(&db)).await.unwrap();
    db.write(2);
    server.cli(&["COPY", "sie-on-redis", "other-sie-on-redis"]);
    assert_eq!(second.scope(plain(&db)).await, Ok(1), "within its ttl");
    grow_old(&server, "other-sie-on-redis", 61 * MINUTE);
    assert_eq!(second.scope(plain(&db)).await, Ok(2), "past it");
    assert_eq!(first.scope(plain(&db)).await, Ok(2));
    assert_eq!(db.loads(), 2);
}

#[tokio::test]
async fn a_hit_extends_an_idle_entry_and_not_every_hit() {
    let (server, db) = (RedisServer::start(), Db::open());
    let [first, second] = two(&server).await;
    let left = || server.cli(&["PTTL", "idle-on-redis"]).parse::<u64>().unwrap() / 1000;
    first.scope(idling(&db)).await.unwrap();
    assert!((590..=600).contains(&left()));
    grow_old(&server, "idle-on-redis", 5 * MINUTE);
    assert!(left() <= 300);
    second.scope(idling(&db)).await.unwrap();
    eventually("it is extended", async || left() >= 590).await;
    let expire = || {
        server
            .cli(&["INFO", "commandstats"])
            .lines()
            .find(|line| line.starts_with("cmdstat_pexpire"))
            .map(str::to_owned)
    };
    let before = expire();
    for _ in 0..50 {
        second.scope(idling(&db)).await.unwrap();
    }
    let calls =
        |line: Option<String>| line.and_then(|line| line.split(['=', ',']).nth(1)?.parse::<u64>().ok());
    assert_eq!(calls(expire()), calls(before));
    // A process of its own each time, as each remembers what it has extended by a clock that stands here.
    for minutes in [14, 23, 32, 41, 50] {
        grow_old(&server, "idle-on-redis", 9 * MINUTE);
        server.cache().await.scope(idling(&db)).await.unwrap();
        eventually(&format!("it is extended at {minutes} min"), async || left() >= 590).await;
    }
    grow_old(&server, "idle-on-redis", 9 * MINUTE);
    let last = server.cache().await;
    last.scope(idling(&db)).await.unwrap();
    last.close(MINUTE).await;
    assert!(left() <= 60, "no longer than its ttl");
    assert_eq!(db.loads(), 1);
}
