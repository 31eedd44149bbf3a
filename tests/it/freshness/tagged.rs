//! Values under tags, past their ttl: what is expired may be served, what was invalidated never.

use cachemacro::{Cache, cache_result};

use super::{Broken, Db, seconds, timed};
use crate::guarding::Shared;
#[cfg(feature = "redis")]
use crate::support::RedisServer;
use crate::support::eventually;

#[cache_result(
    ttl = "10s",
    jitter = "0%",
    stale_while_revalidate = "20s",
    key = "tagged swr:<id>",
    tags = ["tagged_swr:<id>", "tagged_swr_of:<value>"]
)]
async fn revalidated(db: &Db, id: u64) -> Result<usize, Broken> {
    let _ = id;
    db.load().await
}

#[cache_result(ttl = "10s", jitter = "0%", stale_if_error = "20s", key = "tagged sie:<id>", tags = ["tagged_sie:<id>"])]
async fn covered(db: &Db, id: u64) -> Result<usize, Broken> {
    let _ = id;
    db.load().await
}

/// Runs a test on each kind of cache, with what makes a value older by 15 seconds.
#[cfg_attr(
    not(feature = "redis"),
    expect(unused_variables, reason = "on Redis an entry is made older by its key")
)]
async fn on_each(key: &str, test: impl AsyncFn(&Cache, &dyn Fn())) {
    let (cache, clock) = timed().await;
    test(&cache, &|| clock.advance(seconds(15))).await;
    let Shared { clock, here, .. } = Shared::new().await;
    test(&here, &|| clock.advance(seconds(15))).await;
    #[cfg(feature = "redis")]
    {
        let server = RedisServer::start();
        let cache = server.cache().await;
        test(&cache, &|| super::shared::grow_old(&server, key, seconds(15))).await;
    }
}

#[tokio::test]
async fn what_is_stale_is_served_while_its_tags_are_current_and_is_refreshed_under_them() {
    on_each("tagged swr:1", async |cache, grow_old| {
        let db = Db::open();
        let read = async || cache.scope(revalidated(&db, 1)).await;
        assert_eq!(read().await, Ok(1));
        db.write(2);
        grow_old();
        assert_eq!(read().await, Ok(1));
        eventually("it is refreshed", async || read().await == Ok(2)).await;
        assert_eq!(db.loads(), 2);
        db.write(3);
        cache.invalidate_tag("tagged_swr_of:1").await.expect("it is taken");
        assert_eq!(read().await, Ok(2), "the refresh has named another");
        cache.invalidate_tag("tagged_swr_of:2").await.expect("it is taken");
        assert_eq!(read().await, Ok(3));
        db.write(4);
        cache.invalidate_tag("tagged_swr:1").await.expect("it is taken");
        assert_eq!(read().await, Ok(4));
    })
    .await;
}

#[tokio::test]
async fn what_was_invalidated_is_not_served_stale() {
    on_each("tagged swr:1", async |cache, grow_old| {
        let db = Db::open();
        let read = async || cache.scope(revalidated(&db, 1)).await;
        for (value, tag) in [(1, "tagged_swr:1"), (2, "tagged_swr_of:2"), (3, "tagged_swr:1")] {
            db.write(value);
            assert_eq!(read().await, Ok(value));
            grow_old();
            cache.invalidate_tag(tag).await.expect("it is taken");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refresh_that_began_before_an_invalidation_is_not_stored() {
    for tag in ["tagged_swr:1", "tagged_swr_of:2"] {
        on_each("tagged swr:1", async |cache, grow_old| {
            let db = Db::open();
            let read = async || cache.scope(revalidated(&db, 1)).await;
            assert_eq!(read().await, Ok(1));
            db.write(2);
            db.hold();
            grow_old();
            assert_eq!(read().await, Ok(1));
            eventually("it is being refreshed", async || db.loads() == 2).await;
            db.write(3);
            cache.invalidate_tag(tag).await.expect("it is taken");
            db.let_go();
            eventually("it is loaded again", async || read().await == Ok(3)).await;
            assert_ne!(read().await, Ok(2));
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_covers_a_load_that_fails_until_a_tag_of_it_is_invalidated() {
    on_each("tagged sie:1", async |cache, grow_old| {
        let db = Db::open();
        let read = async || cache.scope(covered(&db, 1)).await;
        assert_eq!(read().await, Ok(1));
        grow_old();
        db.fail(true);
        assert_eq!(read().await, Ok(1));
        cache.invalidate_tag("tagged_sie:1").await.expect("it is taken");
        assert_eq!(read().await, Err(Broken));
        db.fail(false);
        db.write(2);
        assert_eq!(read().await, Ok(2));
    })
    .await;
}
