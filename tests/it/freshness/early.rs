//! `early = on`: a hit refreshes what is about to expire, the sooner the longer its load takes.

use std::time::Duration;

use cachemacro::cache_result;

use super::{Broken, Db, seconds, timed};
use crate::support::eventually;

/// A load that takes 2 s of tokio's time.
async fn dear(db: &Db) -> Result<usize, Broken> {
    tokio::time::sleep(seconds(2)).await;
    db.load().await
}

#[cache_result(ttl = "1000s", jitter = "0%", early = on, key = "early")]
async fn number(db: &Db) -> Result<usize, Broken> {
    dear(db).await
}

#[cache_result(ttl = "1000s", jitter = "0%", early = on, stale_while_revalidate = "1m", key = "early:owned")]
async fn owned(db: &Db) -> Result<usize, Broken> {
    dear(db).await
}

#[tokio::test(start_paused = true)]
async fn a_hit_shortly_before_the_end_loads_and_one_long_before_does_not() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db).await.unwrap();
            db.write(2);
            clock.advance(seconds(900));
            for _ in 0..1000 {
                assert_eq!(number(&db).await, Ok(1), "the chance of another is that of 50 heads in a row");
            }
            clock.advance(Duration::from_millis(99_999));
            // Each of these loads with a chance of 0.9995.
            let mut value = 1;
            for _ in 0..10 {
                value = number(&db).await.unwrap();
            }
            assert_eq!((value, db.loads()), (2, 2));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_early_load_that_fails_leaves_what_is_fresh() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db).await.unwrap();
            db.fail(true);
            clock.advance(Duration::from_millis(999_999));
            for _ in 0..100 {
                assert_eq!(number(&db).await, Ok(1));
            }
            assert_eq!(db.loads(), 2, "and the source is left alone for a while");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_in_the_background_keeps_nobody_waiting() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            owned(&db).await.unwrap();
            db.write(2);
            clock.advance(Duration::from_millis(999_999));
            let start = tokio::time::Instant::now();
            for _ in 0..10 {
                assert_eq!(owned(&db).await, Ok(1));
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
            let is_refreshed = async || owned::peek().await.unwrap().is_some_and(|peek| peek.value == Ok(2));
            eventually("it is refreshed", is_refreshed).await;
            assert_eq!(db.loads(), 2);
        })
        .await;
}
