//! `timeout(hard = …)` around what hangs or panics: the store, another's load, the body.

use cachemacro::cache_result;

use super::{Db, timed};
#[cfg(feature = "redis")]
use crate::support::{RedisServer, eventually};

#[derive(Debug)]
struct Late;

impl From<cachemacro::Error> for Late {
    fn from(_: cachemacro::Error) -> Self {
        Self
    }
}

#[cache_result(ttl = "1h", timeout(hard = "2s"), key = "hanging:<id>")]
async fn number(db: &Db, id: u64) -> Result<usize, Late> {
    let _ = id;
    db.load().await.map_err(|_| Late)
}

#[cache_result(ttl = "1h", timeout(hard = "2s"), key = "hanging:panics")]
async fn panics(db: &Db) -> Result<usize, Late> {
    let loads = db.load().await.map_or(0, |_| db.loads());
    assert!(loads > 1, "the first load panics");
    Ok(loads)
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_store_that_hangs_costs_half_of_the_hard_timeout_and_no_error() {
    let (server, db) = (RedisServer::start(), Db::open());
    let patient = cachemacro::Cache::builder().url(server.url()).near(0).budget(super::seconds(60));
    let cache = patient.build().await.unwrap();
    cache.scope(number(&db, 1)).await.unwrap();
    server.stop_signal();
    db.write(2);
    assert_eq!(cache.scope(number(&db, 1)).await.unwrap(), 2, "the body ran");
    server.continue_signal();
    eventually("what is stored is found again", async || {
        cache.scope(number(&db, 1)).await.is_ok_and(|it| it == 1)
    })
    .await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_store_that_hangs_after_the_lookup_keeps_no_value_from_its_caller() {
    let (server, db) = (RedisServer::start(), Db::open());
    let patient = cachemacro::Cache::builder().url(server.url()).near(0).budget(super::seconds(60));
    let cache = patient.build().await.unwrap();
    db.hold();
    let (answer, ()) = tokio::join!(cache.scope(number(&db, 2)), async {
        eventually("it loads", async || db.loads() == 1).await;
        server.stop_signal();
        db.let_go();
    });
    assert_eq!(answer.unwrap(), 1, "what its body had returned by the hard timeout");
    server.continue_signal();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_does_so_in_its_caller_and_runs_once() {
    let ((cache, _clock), db) = (timed().await, Db::open());
    let call = || {
        let (cache, db) = (cache.clone(), db.clone());
        tokio::spawn(async move { cache.scope(panics(&db)).await })
    };
    let error = call().await.expect_err("it panics");
    assert!(error.is_panic());
    assert_eq!(db.loads(), 1);
    assert_eq!(call().await.unwrap().unwrap(), 2, "and is in nobody's way");
}
