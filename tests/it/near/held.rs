//! An answer of Redis that is held on its way, while what it says changes.

use std::sync::Arc;

use cachemacro::store::Store;
use cachemacro::{Cache, TierName};

use super::{coherent, connect, kept, number, tier, write};
use crate::support::{Held, RedisServer, Source, eventually};

async fn connect_held(server: &RedisServer) -> (Cache, Arc<Held>) {
    let held = Held::connect(server).await;
    let store = Arc::clone(&held) as Arc<dyn Store>;
    let cache = Cache::builder().store(store).near(1 << 20).build().await.unwrap();
    coherent(&cache).await;
    (cache, held)
}

/// A read whose answer is on its way, with the value that `elsewhere` has stored.
async fn on_its_way(
    held: &Held,
    here: &Cache,
    elsewhere: &Cache,
    source: &Arc<Source>,
) -> tokio::task::JoinHandle<u64> {
    elsewhere.scope(number(source, 7)).await;
    held.hold();
    let (here, source) = (here.clone(), Arc::clone(source));
    let reading = tokio::spawn(async move { *here.scope(number(&source, 7)).await });
    held.answered(1).await;
    reading
}

#[tokio::test]
async fn what_changes_while_an_answer_is_on_its_way_is_not_kept() {
    let server = RedisServer::start();
    let (here, held) = connect_held(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    // A key that is told of after the one that matters: what is told is told in order.
    kept_there(&here, &source, 8).await;
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    elsewhere.scope(write(&source, 7, 2)).await.unwrap();
    elsewhere.scope(write(&source, 8, 2)).await.unwrap();
    eventually("both are told", async || here.status().near.unwrap().entries == 0).await;
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1, "it began before the change");
    assert_eq!(here.status().near.unwrap().entries, 0, "what was on its way was kept");
    assert_eq!(*here.scope(number(&source, 7)).await, 2);
    assert_eq!(kept(&here, &source).await, 2);
}

#[tokio::test]
async fn an_invalidation_here_refuses_what_is_on_its_way() {
    let server = RedisServer::start();
    let (here, held) = connect_held(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    here.scope(write(&source, 7, 2)).await.unwrap();
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1, "it began before the change");
    assert_eq!(*here.scope(number(&source, 7)).await, 2);
}

#[tokio::test]
async fn a_connection_that_was_lost_meanwhile_refuses_what_is_on_its_way() {
    let server = RedisServer::start();
    let (here, held) = connect_held(&server).await;
    let elsewhere = connect(&server).await;
    let source = Arc::new(Source::open());
    let reading = on_its_way(&held, &here, &elsewhere, &source).await;
    let epoch = here.status().near.unwrap().epoch;
    server.cli(&["FLUSHALL"]);
    eventually("it is told", async || here.status().near.unwrap().epoch > epoch).await;
    held.let_go();
    assert_eq!(reading.await.unwrap(), 1);
    assert_eq!(here.status().near.unwrap().entries, 0, "what was on its way was kept");
    assert_eq!(tier(&here).await, None);
}

async fn kept_there(cache: &Cache, source: &Source, id: u64) {
    eventually("it is kept", async || {
        cache.scope(number(source, id)).await;
        let peek = cache.scope(number::peek(id)).await.unwrap();
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    })
    .await;
}
