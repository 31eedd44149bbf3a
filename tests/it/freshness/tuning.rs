//! `ttl_class`, and what a cache is told of functions while the program runs.

use std::time::Duration;

use cachemacro::{Cache, Clock, ErrorKind, TtlClass, Tuning, cache_result};

use super::{Broken, Db, seconds, timed};

#[cache_result(ttl_class = "user", jitter = "0%", key = "class:user")]
async fn of_users(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[cache_result(ttl_class = "computed", jitter = "0%", key = "class:computed")]
async fn computed(db: &Db) -> Result<usize, Broken> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    db.load().await
}

#[cache_result(ttl_class = "user", jitter = "0%", tier = local, key = "class:local")]
fn at_once() -> usize {
    7
}

#[cache_result(ttl = 10, stale_if_error = "1h", jitter = "0%", key = "tuned", name = "tuned_number")]
async fn tuned(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

async fn left(cache: &Cache, db: &Db) -> u64 {
    cache
        .scope(async {
            tuned::invalidate().await.unwrap();
            tuned(db).await.unwrap();
            tuned::peek().await.unwrap().unwrap().ttl_left.as_secs()
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_class_says_the_ttl() {
    let ((cache, _clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            of_users(&db).await.unwrap();
            assert_eq!(of_users::peek().await.unwrap().unwrap().ttl_left, seconds(3600));
            computed(&db).await.unwrap();
            assert_eq!(
                computed::peek().await.unwrap().unwrap().ttl_left,
                seconds(20),
                "20 ms a thousand times"
            );
            at_once();
            assert_eq!(at_once::peek().unwrap().unwrap().ttl_left, seconds(3600));
            cache.set_ttl_class("user", TtlClass::Fixed(seconds(7))).unwrap();
            of_users::invalidate().await.unwrap();
            of_users(&db).await.unwrap();
            assert_eq!(of_users::peek().await.unwrap().unwrap().ttl_left, seconds(7));
        })
        .await;
}

#[tokio::test]
async fn a_cache_is_built_with_classes_of_its_own() {
    let (clock, db) = (Clock::manual(), Db::open());
    let built = Cache::builder().clock(clock).ttl_class("user", TtlClass::Fixed(seconds(9)));
    built
        .build()
        .await
        .unwrap()
        .scope(async {
            of_users(&db).await.unwrap();
            assert_eq!(of_users::peek().await.unwrap().unwrap().ttl_left, seconds(9));
        })
        .await;
    let zero = Cache::builder().ttl_class("none", TtlClass::Fixed(Duration::ZERO)).build().await;
    assert_eq!(zero.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_function_is_tuned_by_its_name_and_put_back() {
    let ((cache, clock), db) = (timed().await, Db::open());
    assert_eq!(left(&cache, &db).await, 10);
    cache.tune("tuned_number", Tuning::new().ttl(seconds(60)).stale_if_error(seconds(5))).unwrap();
    assert_eq!(left(&cache, &db).await, 60);
    clock.advance(seconds(64));
    db.fail(true);
    assert_eq!(cache.scope(tuned(&db)).await, Ok(1));
    clock.advance(seconds(1));
    assert_eq!(cache.scope(tuned(&db)).await, Err(Broken), "five seconds are over");
    db.fail(false);
    cache.tune("tuned_number", Tuning::new()).unwrap();
    assert_eq!(left(&cache, &db).await, 10);
    cache.tune("tuned_number", Tuning::new().value_bytes_max(1)).unwrap();
    assert_eq!(left(&cache, &db).await, 10, "a size is of what leaves the process");
}

#[tokio::test]
async fn what_cannot_be_said_of_a_function_is_refused_and_changes_nothing() {
    let ((cache, _clock), db) = (timed().await, Db::open());
    let cases = [
        ("tuned_numbr", Tuning::new(), "no cached function has the name `tuned_numbr`"),
        ("tuned_number", Tuning::new().ttl(Duration::ZERO), "not from 1 ms to 10 years"),
        ("tuned_number", Tuning::new().value_bytes_max(usize::MAX), "not from 1 byte to 8 MiB"),
        (
            "tuned_number",
            Tuning::new().stale_while_revalidate(seconds(1)),
            "no `stale_while_revalidate` in its attribute",
        ),
    ];
    for (name, tuning, said) in cases {
        let error = cache.tune(name, tuning).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(said), "{error}");
        let built = Cache::builder().tune(name, tuning).build().await;
        assert!(built.unwrap_err().to_string().contains(said));
    }
    assert_eq!(left(&cache, &db).await, 10);
}
