//! `refresh_every`: what was called is loaded again and again, whether or not anybody calls.

use std::time::Duration;

use cachemacro::{Clock, cache_result};

use super::{Broken, Db, seconds, timed};

const EVERY: Duration = seconds(5 * 60);

#[cache_result(ttl = "1h", jitter = "0%", refresh_every = "5m", key = "every:<name>")]
async fn number(db: &Db, name: &str) -> Result<usize, Broken> {
    let _ = name;
    db.load().await
}

#[cache_result(
    ttl = "1h",
    jitter = "0%",
    refresh_every = "5m",
    key = "every tagged:<name>",
    tags = ["every_name:<name>", "every_of:<value>"]
)]
async fn tagged(db: &Db, name: &str) -> Result<usize, Broken> {
    let _ = name;
    db.load().await
}

/// Lets time pass, and what is due then end.
async fn pass(clock: &Clock, time: Duration) {
    clock.advance(time);
    tokio::time::advance(time).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_called_is_loaded_again_and_again_and_found_without_a_load() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            assert_eq!(number(&db, "a").await, Ok(1));
            pass(&clock, seconds(1)).await;
            assert_eq!(db.loads(), 1, "it is not yet time");
            for turn in 2..=30 {
                db.write(turn);
                pass(&clock, EVERY).await;
                assert_eq!(db.loads(), turn);
            }
            assert_eq!(number(&db, "a").await, Ok(30));
            assert_eq!(db.loads(), 30);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_is_loaded_anew_and_a_failure_is_tried_again() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            assert_eq!(number(&db, "b").await, Ok(1));
            // Its time begins.
            pass(&clock, Duration::ZERO).await;
            number::invalidate("b").await.unwrap();
            pass(&clock, EVERY).await;
            assert_eq!(number::peek("b").await.unwrap().map(|peek| peek.value), Some(Ok(1)));
            db.fail(true);
            pass(&clock, EVERY).await;
            assert_eq!(db.loads(), 3);
            db.fail(false);
            db.write(2);
            pass(&clock, EVERY).await;
            assert_eq!(number(&db, "b").await, Ok(2));
            assert_eq!(db.loads(), 4);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_day_after_its_last_call_a_key_is_left_alone() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache.scope(number(&db, "c")).await.unwrap();
    for _ in 0..24 * 12 + 15 {
        pass(&clock, EVERY).await;
    }
    let loads = db.loads();
    assert!((280..=305).contains(&loads), "{loads}");
    pass(&clock, EVERY).await;
    assert_eq!(db.loads(), loads);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_cache() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache.scope(number(&db, "d")).await.unwrap();
    cache.close(seconds(1)).await;
    pass(&clock, EVERY).await;
    assert_eq!(db.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_stands_under_tags_is_loaded_again_under_them_also_where_one_was_invalidated() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            let stored = async || tagged::peek("t").await.unwrap().map(|peek| peek.value);
            assert_eq!(tagged(&db, "t").await, Ok(1));
            // Its time begins.
            pass(&clock, Duration::ZERO).await;
            for (turn, tag) in (2..).zip(["", "every_name:t", "every_of:3", ""]) {
                db.write(turn);
                if !tag.is_empty() {
                    cache.invalidate_tag(tag).await.unwrap();
                    assert_eq!(stored().await, None);
                }
                pass(&clock, EVERY).await;
                assert_eq!((stored().await, db.loads()), (Some(Ok(turn)), turn));
            }
        })
        .await;
}
