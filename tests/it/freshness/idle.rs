//! `idle`: a value lives on while it is hit, and no longer than its `ttl`.

use cachemacro::cache_result;

use super::{Broken, Db, seconds, timed};

#[cache_result(idle = "80s", key = "idle:alone")]
async fn alone(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[cache_result(ttl = "200s", idle = "80s", jitter = "0%", key = "idle:bounded")]
async fn bounded(db: &Db) -> Result<usize, Broken> {
    db.load().await
}

#[tokio::test]
async fn each_hit_extends_to_within_an_eighth() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            alone(&db).await.unwrap();
            for _ in 0..100 {
                clock.advance(seconds(69));
                alone(&db).await.unwrap();
            }
            assert_eq!(db.loads(), 1);
            clock.advance(seconds(81));
            alone(&db).await.unwrap();
            assert_eq!(db.loads(), 2, "nobody asked for it");
        })
        .await;
}

#[tokio::test]
async fn no_hit_extends_past_the_ttl() {
    let ((cache, clock), db) = (timed().await, Db::open());
    cache
        .scope(async {
            for second in 0..200 {
                bounded(&db).await.unwrap();
                assert_eq!(db.loads(), 1, "at {second} s");
                clock.advance(seconds(1));
            }
            bounded(&db).await.unwrap();
            assert_eq!(db.loads(), 2);
        })
        .await;
}
