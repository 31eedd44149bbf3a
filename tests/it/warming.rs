//! Calls made ahead: how many at once, what they come to, and what is told of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use cachemacro::{Cache, Warmed, cache_methods, cache_result};

use crate::support::{RedisServer, Source, eventually};

#[cache_result(ttl = "1h", key = "warming:<id>", skip(source))]
async fn number(source: &Source, id: u64) -> Result<Option<u64>, ()> {
    let value = source.load().await;
    match id {
        0 => Err(()),
        1 => Ok(None),
        _ => Ok(Some(inner(source, id).await + value)),
    }
}

#[cache_result(ttl = "1h", key = "warming:inner:<id>", skip(source))]
async fn inner(source: &Source, id: u64) -> u64 {
    let _ = source;
    id
}

struct Repo(Source);

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = "1h", key = "warming:repo:<id>")]
    async fn find(&self, id: u64) -> u64 {
        self.0.load().await + id
    }
}

fn counts(warmed: Warmed) -> (u64, u64, u64) {
    (warmed.loaded, warmed.skipped, warmed.failed)
}

#[tokio::test]
async fn it_says_what_was_loaded_what_was_there_and_what_failed() {
    let server = RedisServer::start();
    for cache in [Cache::memory(), server.cache().await] {
        let source = Source::open();
        let warm = |from: u64, to: u64| {
            cache.scope(number::warm(from..to, 4, |id| number(&source, id)).into_future())
        };
        assert_eq!(counts(warm(0, 10).await), (8, 0, 2));
        assert_eq!(counts(warm(5, 15).await), (5, 5, 0), "what is there is not loaded again");
        assert_eq!(counts(warm(3, 3).await), (0, 0, 0));
        assert_eq!(source.loads(), 15);
        assert_eq!(cache.scope(number(&source, 14)).await, Ok(Some(15)));
        assert_eq!(source.loads(), 15);
    }
}

#[tokio::test]
async fn no_more_than_are_asked_for_are_made_at_once() {
    let cache = Cache::memory();
    let source = Source::held();
    let most = AtomicUsize::new(0);
    let warming = cache.scope(number::warm(10..30, 3, |id| number(&source, id)).into_future());
    let watch = async {
        for done in 0..20 {
            eventually("it loads", async || source.loads() >= (done + 3).min(20)).await;
            most.fetch_max(source.loads() - done, Ordering::Relaxed);
            source.let_go(1);
        }
    };
    let (warmed, ()) = tokio::join!(warming, watch);
    assert_eq!(counts(warmed), (20, 0, 0));
    assert_eq!(most.into_inner(), 3);
}

#[tokio::test]
async fn progress_is_told_after_each_call() {
    let repo = Repo(Source::open());
    let mut told = Vec::new();
    let warming = Repo::find_warm([1, 2, 2, 3], 1, |id| repo.find(id));
    let warmed = Cache::memory().scope(warming.progress(|so_far| told.push(so_far)).into_future()).await;
    assert_eq!(counts(warmed), (3, 1, 0));
    assert_eq!(told.iter().map(Warmed::calls).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(told.last().map(ToString::to_string).as_deref(), Some("3 loaded, 1 skipped, 0 failed"));
}

#[tokio::test]
async fn a_cache_that_is_closed_has_loaded_nothing() {
    let cache = Cache::memory();
    cache.close(std::time::Duration::from_secs(1)).await;
    let source = Source::open();
    let warmed = cache.scope(number::warm([7], 2, |id| number(&source, id)).into_future()).await;
    assert_eq!(counts(warmed), (0, 0, 1));
}

#[tokio::test]
async fn it_can_be_a_task_of_its_own() {
    let warming = tokio::spawn(async {
        let source = Source::open();
        number::warm(vec![101, 102], 0, |id| number(&source, id)).await
    });
    assert_eq!(counts(warming.await.expect("no panic")), (2, 0, 0));
}
