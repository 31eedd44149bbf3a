//! `stale_while_revalidate`: nobody waits for a refresh, one runs at a time, and it replaces nothing newer.

use cachemacro::cache_result;

use super::{Broken, Db, seconds, timed};
use crate::support::eventually;

#[cache_result(ttl = "10s", jitter = "0%", stale_while_revalidate = "20s", key = "swr:<id>")]
async fn number(db: &Db, id: u64) -> Result<usize, Broken> {
    let _ = id;
    db.load().await
}

#[tokio::test]
async fn past_its_ttl_a_value_is_served_to_all_while_one_refresh_runs() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            assert_eq!(number(&db, 1).await, Ok(1));
            db.write(2);
            db.hold();
            clock.advance(seconds(9));
            assert_eq!(number(&db, 1).await, Ok(1));
            tokio::task::yield_now().await;
            assert_eq!(db.loads(), 1, "it is fresh");
            clock.advance(seconds(1));
            for _ in 0..100 {
                assert_eq!(number(&db, 1).await, Ok(1));
                tokio::task::yield_now().await;
            }
            eventually("it is refreshed", async || db.loads() == 2).await;
            db.let_go();
            eventually("the new value is stored", async || {
                number::peek(1_u64).await.unwrap().is_some_and(|peek| peek.value == Ok(2))
            })
            .await;
            assert_eq!(number(&db, 1).await, Ok(2));
            assert_eq!(db.loads(), 2);
        })
        .await;
}

#[tokio::test]
async fn past_its_window_a_value_is_loaded_as_if_there_were_none() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db, 2).await.unwrap();
            db.write(2);
            clock.advance(seconds(30));
            assert_eq!(number(&db, 2).await, Ok(2));
            assert_eq!(db.loads(), 2);
        })
        .await;
}

#[tokio::test]
async fn an_invalidation_ends_what_is_stale_and_refuses_the_refresh_under_way() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db, 3).await.unwrap();
            db.hold();
            clock.advance(seconds(10));
            assert_eq!(number(&db, 3).await, Ok(1));
            eventually("it is being refreshed", async || db.loads() == 2).await;
            db.write(2);
            number::invalidate(3_u64).await.unwrap();
            db.let_go();
            assert_eq!(number(&db, 3).await, Ok(2), "what the refresh read is from before");
            // The refresh has ended by now, or ends here.
            for _ in 0..100 {
                tokio::task::yield_now().await;
                assert_eq!(number(&db, 3).await, Ok(2));
            }
            assert_eq!(db.loads(), 3);
        })
        .await;
}

#[tokio::test]
async fn after_a_refresh_that_fails_the_source_is_left_alone_for_a_while() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db, 4).await.unwrap();
            db.fail(true);
            clock.advance(seconds(10));
            for _ in 0..100 {
                assert_eq!(number(&db, 4).await, Ok(1));
                tokio::task::yield_now().await;
            }
            assert_eq!(db.loads(), 2);
            clock.advance(seconds(1));
            assert_eq!(number(&db, 4).await, Ok(1));
            eventually("it is tried again", async || db.loads() == 3).await;
        })
        .await;
}
