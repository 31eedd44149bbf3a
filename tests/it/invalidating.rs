//! Mutations invalidate on every path out of their bodies.

use std::sync::{Arc, Mutex};

use cachemacro::{Cache, Cause, cache_result, invalidates};

use crate::support::Source;

#[derive(Clone, Debug, PartialEq)]
struct Failed;

#[cache_result(ttl = "1h", key = "invalidating:user:<id>", skip(source))]
async fn user(source: &Source, id: u64) -> Result<u64, Failed> {
    let _ = id;
    Ok(source.load().await)
}

#[cache_result(ttl = "1h", key = "invalidating:team:<team>:<page>", skip(source))]
async fn team(source: &Source, team: &str, page: Option<u32>) -> u64 {
    let _ = (team, page);
    source.load().await
}

#[derive(Debug)]
enum End {
    Ok,
    Err,
    Panic,
    Never,
}

#[invalidates(user(id))]
async fn rename(source: &Source, id: u64, end: End) -> Result<(), Failed> {
    source.write(2);
    match end {
        End::Ok => Ok(()),
        End::Err => Err(Failed)?,
        End::Panic => panic!("after the commit"),
        End::Never => std::future::pending().await,
    }
}

#[invalidates(user(id), on = ok)]
async fn rename_if_ok(source: &Source, id: u64, end: End) -> Result<(), Failed> {
    rename_uncached(source, end).await
}

async fn rename_uncached(source: &Source, end: End) -> Result<(), Failed> {
    source.write(2);
    match end {
        End::Ok => Ok(()),
        _ => Err(Failed),
    }
}

/// Fills, mutates, and says what a read returns afterwards.
async fn read_after(mutation: impl AsyncFnOnce(Arc<Source>, Cache)) -> u64 {
    let (cache, source) = (Cache::memory(), Arc::new(Source::open()));
    assert_eq!(cache.scope(user(&source, 7)).await, Ok(1));
    mutation(Arc::clone(&source), cache.clone()).await;
    cache.scope(user(&source, 7)).await.unwrap()
}

#[tokio::test]
async fn it_invalidates_when_the_body_returns_whatever_it_returns() {
    for (end, expected) in [(End::Ok, Ok(())), (End::Err, Err(Failed))] {
        let read = read_after(async |source, cache| {
            assert_eq!(cache.scope(rename(&source, 7, end)).await, expected);
        });
        assert_eq!(read.await, 2);
    }
}

#[tokio::test]
async fn it_invalidates_when_the_body_panics() {
    let read = read_after(async |source, cache| {
        let task = tokio::spawn(async move { cache.scope(rename(&source, 7, End::Panic)).await });
        assert!(task.await.unwrap_err().is_panic());
    });
    assert_eq!(read.await, 2);
}

#[tokio::test]
async fn it_invalidates_when_the_future_is_dropped() {
    let read = read_after(async |source, cache| {
        let mut mutation = Box::pin(cache.scope(rename(&source, 7, End::Never)));
        std::future::poll_fn(|context| {
            assert!(mutation.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(mutation);
    });
    assert_eq!(read.await, 2);
}

#[tokio::test]
async fn on_ok_invalidates_only_what_succeeded() {
    for (end, expected) in [(End::Ok, 2), (End::Err, 1)] {
        let read = read_after(async |source, cache| {
            let _ = cache.scope(rename_if_ok(&source, 7, end)).await;
        });
        assert_eq!(read.await, expected);
    }
}

#[invalidates(user(result.id), team(&name, result.page))]
async fn create(source: &Source, name: String) -> Result<Created, Failed> {
    source.write(2);
    drop(name);
    Ok(Created { id: 7, page: Some(3) })
}

struct Created {
    id: u64,
    page: Option<u32>,
}

#[tokio::test]
async fn what_is_known_from_the_result_is_invalidated_with_what_was_known_before() {
    let (cache, source) = (Cache::memory(), Source::open());
    cache
        .scope(async {
            user(&source, 7).await.unwrap();
            team(&source, "red", Some(3)).await;
            team(&source, "red", None).await;
            create(&source, "red".to_owned()).await.map(|created| created.id).unwrap();
            assert_eq!(user(&source, 7).await, Ok(2));
            assert_eq!(team(&source, "red", Some(3)).await, 2);
            assert_eq!(team(&source, "red", None).await, 1, "another page is another entry");
        })
        .await;
}

struct Team {
    members: Vec<u64>,
}

#[invalidates(each(user(member) for member in &team.members), key = "invalidating:team:<name>:<page>")]
async fn disband(source: &Source, team: Team, name: &str, page: Option<u32>) {
    source.write(2);
    drop((team, page));
}

#[tokio::test]
async fn each_of_many_and_keys_as_they_stand_are_invalidated() {
    let (cache, source) = (Cache::memory(), Source::open());
    cache
        .scope(async {
            for id in 1..=3 {
                user(&source, id).await.unwrap();
            }
            team(&source, "a:b", None).await;
            disband(&source, Team { members: vec![1, 3] }, "a:b", None).await;
            assert_eq!(user(&source, 1).await, Ok(2));
            assert_eq!(user(&source, 2).await, Ok(1), "not a member");
            assert_eq!(user(&source, 3).await, Ok(2));
            assert_eq!(team(&source, "a:b", None).await, 2);
        })
        .await;
}

struct Service {
    source: Source,
    cache: Cache,
}

impl Service {
    #[invalidates(user(id), cache = self.cache)]
    async fn rename(&self, id: u64) {
        self.source.write(2);
    }
}

#[tokio::test]
async fn a_method_invalidates_in_the_cache_it_names() {
    let service = Service { source: Source::open(), cache: Cache::memory() };
    let elsewhere = Cache::memory();
    for cache in [&service.cache, &elsewhere] {
        cache.scope(user(&service.source, 7)).await.unwrap();
    }
    elsewhere.scope(service.rename(7)).await;
    assert_eq!(service.cache.scope(user(&service.source, 7)).await, Ok(2));
    assert_eq!(elsewhere.scope(user(&service.source, 7)).await, Ok(1));
}

#[tokio::test]
async fn hooks_see_every_key_with_its_cause() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let in_hook = Arc::clone(&seen);
    let cache = Cache::builder()
        .on_invalidation(move |event| {
            let cause = match event.cause {
                Cause::Call => "call".to_owned(),
                Cause::Mutation(Some(site)) => site.name().to_owned(),
                other => format!("{other:?}"),
            };
            in_hook.lock().unwrap().push((event.subject.to_string(), cause));
        })
        .build()
        .await
        .unwrap();
    let source = Source::open();
    cache
        .scope(async {
            user(&source, 7).await.unwrap();
            assert!(seen.lock().unwrap().is_empty(), "a fill is not an invalidation");
            user::invalidate(7_u64).await.unwrap();
            rename(&source, 8, End::Ok).await.unwrap();
        })
        .await;
    cache.invalidate_pattern("invalidating:*").await.unwrap();
    let expected =
        [("invalidating:user:7", "call"), ("invalidating:user:8", "user"), ("invalidating:*", "call")];
    let expected = expected.map(|(subject, cause)| (subject.to_owned(), cause.to_owned()));
    assert_eq!(*seen.lock().unwrap(), expected);
}
