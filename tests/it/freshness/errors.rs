//! `stale_if_error` and `timeout`: a source that fails or hangs is covered by what is stored, unless that was
//! invalidated.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::cache_result;

use super::{Broken, Db, seconds, timed};
use crate::support::eventually;

#[cache_result(ttl = "10s", jitter = "0%", stale_if_error = "1h", key = "sie:<id>")]
async fn number(db: &Db, id: u64) -> Result<usize, Broken> {
    let _ = id;
    db.load().await
}

#[cache_result(ttl = "10s", jitter = "0%", stale_if_error = "1h", key = "maybe")]
async fn maybe(db: &Db) -> Result<Option<usize>, Broken> {
    Ok(Some(db.load().await?).filter(|value| *value > 0))
}

#[cache_result(ttl = "10s", jitter = "0%", stale_if_error = "1h", timeout = "200ms", key = "slow")]
async fn slow(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[tokio::test]
async fn a_value_past_its_ttl_covers_a_source_that_fails() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db, 1).await.unwrap();
            db.fail(true);
            clock.advance(seconds(10));
            assert_eq!(number(&db, 1).await, Ok(1));
            assert_eq!(db.loads(), 2, "it was tried");
            for _ in 0..100 {
                assert_eq!(number(&db, 1).await, Ok(1));
            }
            assert_eq!(db.loads(), 2, "and is left alone for a while");
            clock.advance(seconds(1));
            assert_eq!(number(&db, 1).await, Ok(1));
            assert_eq!(db.loads(), 3);
            db.fail(false);
            db.write(2);
            clock.advance(seconds(30));
            assert_eq!(number(&db, 1).await, Ok(2));
            clock.advance(seconds(10) + seconds(60 * 60));
            db.fail(true);
            assert_eq!(number(&db, 1).await, Err(Broken), "past the window");
        })
        .await;
}

#[tokio::test]
async fn an_error_is_no_cover_for_what_was_invalidated_while_it_loaded() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            number(&db, 2).await.unwrap();
            clock.advance(seconds(10));
            db.fail(true);
            db.hold();
            let (caller, invalidation) = tokio::join!(number(&db, 2), async {
                eventually("it loads", async || db.loads() == 2).await;
                number::invalidate(2_u64).await.unwrap();
                db.let_go();
            });
            let () = invalidation;
            assert_eq!(caller, Err(Broken));
        })
        .await;
}

#[tokio::test]
async fn those_who_wait_for_a_load_that_fails_are_served_with_its_caller() {
    let ((cache, clock), db) = (timed().await, Db::open());
    let cache = Arc::new(cache);
    cache.scope(number(&db, 3)).await.unwrap();
    clock.advance(seconds(10));
    db.fail(true);
    db.hold();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (cache, db) = (Arc::clone(&cache), db.clone());
        calls.spawn(async move { cache.scope(number(&db, 3)).await });
    }
    eventually("it loads", async || db.loads() == 2).await;
    db.let_go();
    assert!(calls.join_all().await.iter().all(|output| *output == Ok(1)));
    assert_eq!(db.loads(), 2);
}

#[tokio::test]
async fn a_none_is_no_failure_and_ends_what_was_stored() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            assert_eq!(maybe(&db).await, Ok(Some(1)));
            db.write(0);
            clock.advance(seconds(10));
            assert_eq!(maybe(&db).await, Ok(None));
            db.fail(true);
            assert_eq!(maybe(&db).await, Err(Broken), "the source said that it is no more");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_takes_too_long_goes_on_without_its_caller() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            slow(&db).await.unwrap();
            clock.advance(seconds(10));
            db.write(2);
            db.hold();
            let start = tokio::time::Instant::now();
            assert_eq!(slow(&db).await, Ok(1));
            assert_eq!(start.elapsed(), Duration::from_millis(200));
            db.let_go();
            let is_stored = async || slow::peek().await.unwrap().is_some_and(|peek| peek.value == Ok(2));
            eventually("it is stored", is_stored).await;
            assert_eq!(slow(&db).await, Ok(2));
            assert_eq!(db.loads(), 2);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_ends_in_time_is_waited_for() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            slow(&db).await.unwrap();
            clock.advance(seconds(10));
            db.write(2);
            assert_eq!(slow(&db).await, Ok(2));
            clock.advance(seconds(10));
            db.fail(true);
            assert_eq!(slow(&db).await, Ok(2), "covered");
            assert_eq!(db.loads(), 3);
        })
        .await;
}

/// An error that a load which takes too long is told by.
#[derive(Debug)]
enum Failed {
    Late(cachemacro::Error),
    Source,
}

impl From<cachemacro::Error> for Failed {
    fn from(error: cachemacro::Error) -> Self {
        Self::Late(error)
    }
}

#[cache_result(ttl = "10s", jitter = "0%", timeout(hard = "2s"), key = "hard:<id>")]
async fn hard(db: &Db, id: u64) -> Result<usize, Failed> {
    let _ = id;
    db.load().await.map_err(|Broken| Failed::Source)
}

#[cache_result(
    ttl = "10s",
    jitter = "0%",
    stale_if_error = "1h",
    timeout(soft = "200ms", hard = "2s"),
    key = "both"
)]
async fn both(db: &Db) -> Result<usize, Failed> {
    db.load().await.map_err(|Broken| Failed::Source)
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_up_at_its_hard_timeout_and_its_load_is_stored() {
    let ((cache, _), db) = (timed().await, Db::open());
    db.hold();
    cache
        .scope(async {
            let start = tokio::time::Instant::now();
            let (first, second) = tokio::join!(hard(&db, 1), hard(&db, 1));
            assert_eq!(start.elapsed(), seconds(2));
            for output in [first, second] {
                let Err(Failed::Late(error)) = output else { panic!("{output:?}") };
                assert_eq!(error.kind(), cachemacro::ErrorKind::TimedOut);
                assert!(error.to_string().contains("hard timeout of 2s"), "{error}");
            }
            db.let_go();
            eventually("it is stored", async || hard::peek(1_u64).await.unwrap().is_some()).await;
            assert_eq!(hard(&db, 1).await.unwrap(), 1);
            assert_eq!(db.loads(), 1, "the one that went on");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_within_its_hard_timeout_returns_what_its_body_does() {
    let ((cache, _), db) = (timed().await, Db::open());
    cache
        .scope(async {
            assert_eq!(hard(&db, 2).await.unwrap(), 1);
            assert_eq!(hard(&db, 2).await.unwrap(), 1);
            db.fail(true);
            let output = hard(&db, 3).await;
            assert!(
                matches!(output, Err(Failed::Source)),
                "its own error, which cannot be copied: {output:?}"
            );
            assert_eq!(db.loads(), 2);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_value_past_its_ttl_answers_at_the_soft_timeout_and_without_one_the_hard_one_fails() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            both(&db).await.unwrap();
            clock.advance(seconds(10));
            db.hold();
            let start = tokio::time::Instant::now();
            assert_eq!(both(&db).await.unwrap(), 1);
            assert_eq!(start.elapsed(), Duration::from_millis(200));
            both::invalidate().await.unwrap();
            let start = tokio::time::Instant::now();
            assert!(matches!(both(&db).await, Err(Failed::Late(_))));
            assert_eq!(start.elapsed(), seconds(2));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn callers_whose_errors_cannot_be_copied_take_turns_until_their_wait_is_over() {
    let cache = cachemacro::Cache::builder().wait_max(seconds(5)).build().await.unwrap();
    let (cache, db) = (Arc::new(cache), Db::open());
    db.fail(true);
    db.hold();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (cache, db) = (Arc::clone(&cache), db.clone());
        calls.spawn(async move { cache.scope(number(&db, 4)).await });
    }
    for turn in 1..=2 {
        eventually("it is its turn", async || db.loads() == turn).await;
        tokio::time::advance(seconds(2)).await;
        assert_eq!(db.loads(), turn, "one at a time");
        db.let_one_go();
    }
    eventually("it is the third one's turn", async || db.loads() == 3).await;
    tokio::time::advance(seconds(2)).await;
    eventually("the fourth has waited enough", async || db.loads() == 4).await;
    db.let_go();
    assert!(calls.join_all().await.iter().all(|output| *output == Err(Broken)));
}
