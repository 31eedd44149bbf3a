//! Each argument on each shape: methods bare and under `#[cache_methods]`, of traits, generics, futures.

#![expect(clippy::manual_async_fn, reason = "the other way to write it is one of the shapes")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cachemacro::{Cache, Handle, cache_methods, cache_result, invalidates};
use serde::Serialize;

use super::{assert_key, is_send};
use crate::support::Source;

#[derive(Clone, Serialize)]
struct Filter(Vec<f64>);

/// A state that never changes a result.
struct Pool(Source);

impl Handle for Pool {}

struct Repo {
    source: Source,
    tenant: u64,
    filter: Filter,
}

impl Repo {
    fn of(tenant: u64) -> Self {
        Self { source: Source::open(), tenant, filter: Filter(vec![0.5]) }
    }

    fn tenant(&self) -> u64 {
        self.tenant
    }

    fn loads(&self) -> usize {
        self.source.loads()
    }
}

/// What decides over storing, with the same meaning on every shape: zero is an error, one a `None`, two is
/// not to be stored, and any other value lives that many seconds.
async fn decide(source: &Source, id: u64) -> Result<Option<u64>, String> {
    match source.load().await {
        0 => Err(format!("none of {id}")),
        1 => Ok(None),
        value => Ok(Some(value)),
    }
}

/// Asks for each case twice, and counts the loads: of all ids but 7, a `None` and a value are stored.
async fn assert_decides<F>(source: &Source, call: impl Fn(u64) -> F)
where
    F: Future<Output = Result<Option<u64>, String>> + Send,
{
    for (at, (written, loads)) in [(0, 2), (1, 1), (2, 2), (3, 1)].into_iter().enumerate() {
        source.write(written);
        for (id, loads) in [(at as u64, loads), (7, 2)] {
            let before = source.loads();
            let first = is_send(call(id)).await;
            assert_eq!(first, call(id).await);
            assert_eq!(source.loads() - before, loads, "of {id} and {written}");
        }
    }
}

impl Repo {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = "10s",
        when = id != 7 && self.tenant > 0,
        unless = |value| *value == 2,
        version = 2,
        key = "bare-clauses:<tenant>:<self.filter:hash>:<id>",
        with(tenant: u64 = self.tenant()),
    )]
    async fn bare(&self, id: u64) -> Result<Option<u64>, String> {
        decide(&self.source, id).await
    }

    #[cache_result(ttl = "1h", key = "bare-handle:<id>", skip(self))]
    async fn with_handle(&self, pool: &Pool, id: u64) -> u64 {
        pool.0.load().await + id
    }

    #[cache_result(ttl = "1h", tier = local, key = "bare-plain:<self.tenant>:<id>", unless = |rows| rows.is_empty())]
    fn plain(&self, id: u64) -> Vec<std::num::Wrapping<u64>> {
        (0..id).map(|_| std::num::Wrapping(self.tenant)).collect()
    }
}

#[tokio::test]
async fn arguments_go_on_a_bare_method() {
    let (repo, other, pool) = (Repo::of(1), Repo::of(2), Pool(Source::open()));
    Cache::memory()
        .scope(async {
            assert_decides(&repo.source, |id| repo.bare(id)).await;
            other.source.write(9);
            assert_eq!(other.bare(3).await, Ok(Some(9)), "of another tenant");
            for _ in 0..2 {
                assert_eq!(is_send(repo.with_handle(&pool, 1)).await, 2);
                assert_eq!((repo.plain(2).len(), repo.plain(0).len()), (2, 0));
            }
            assert_eq!(pool.0.loads(), 1);
        })
        .await;
}

struct Users(Repo);

#[cache_methods]
impl Users {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = "10s",
        when = id != 7 && self.0.tenant > 0,
        unless = |value| *value == 2,
        version = 2,
        key = "companion-clauses:<tenant>:<self.0.filter:hash>:<id>",
        with(tenant: u64 = self.0.tenant()),
    )]
    async fn find(&self, id: u64) -> Result<Option<u64>, String> {
        decide(&self.0.source, id).await
    }

    #[cache_result(ttl = "1h", with(tenant: u64 = self.0.tenant()))]
    async fn by_default(&self, id: u64) -> u64 {
        self.0.source.load().await + id
    }

    #[cache_result(ttl = "1h", key = "companion-handle:<id>", skip(self))]
    async fn with_handle(&self, pool: &Pool, id: u64) -> u64 {
        pool.0.load().await + id
    }

    #[cache_result(ttl = "1h", tier = local, key = "companion-plain:<self.0.tenant>:<id>")]
    fn plain(&self, id: u64) -> Option<std::num::Wrapping<u64>> {
        id.checked_sub(1).map(std::num::Wrapping)
    }

    #[cache_result(ttl = "1h", tier = local, skip(self))]
    fn sum(&self, id: u64) -> std::num::Wrapping<u64> {
        std::num::Wrapping(self.0.tenant + id)
    }

    #[cache_result(ttl = "1h", tier = local)]
    fn of_the_type(id: u64) -> Result<u64, std::fmt::Error> {
        Ok(id)
    }

    #[cache_result(ttl = "1h", key = "companion-shared:<id>", skip(self))]
    async fn first(&self, id: u64) -> u64 {
        self.0.source.load().await + id
    }

    #[cache_result(ttl = "1h", key = "companion-shared:<number>", shares = Users::first, skip(self))]
    async fn second(&self, number: u64) -> Option<u64> {
        Some(self.0.source.load().await + number)
    }

    #[invalidates(Self::find(&self.0.filter, id, self.0.tenant()), Self::sum(id), Users::of_the_type(id))]
    async fn change(&self, id: u64) {}
}

#[cache_result(ttl = "1h", key = "companion-shared:<id>", shares = Users::first)]
async fn third(id: u64) -> Result<u64, String> {
    Err(format!("{id} is not loaded here"))
}

struct Sharing;

impl Sharing {
    #[cache_result(ttl = "1h", key = "companion-shared:<id>", shares = third, skip(self))]
    async fn fourth(&self, id: u64) -> Option<u64> {
        let _ = id;
        None
    }
}

#[tokio::test]
async fn arguments_go_on_a_method_with_a_companion() {
    let (users, pool) = (Users(Repo::of(1)), Pool(Source::open()));
    Cache::memory()
        .scope(async {
            assert_decides(&users.0.source, |id| users.find(id)).await;
            assert!(Users::find_peek(&users.0.filter, 3, 1_u64).await.unwrap().is_some());
            users.change(3).await;
            assert!(Users::find_peek(users.0.filter.clone(), 3, 1_u64).await.unwrap().is_none());
            users.0.source.write(5);
            assert_eq!(users.find_refresh(3).await, Ok(Some(5)));
            assert_eq!(users.find_uncached(3).await, Ok(Some(5)));
            assert_eq!(Users::find_peek(&users.0.filter, 3, 1).await.unwrap().unwrap().value, Ok(Some(5)));
            let loads = users.0.loads();
            for _ in 0..2 {
                assert_eq!(users.by_default(1).await, 6);
                assert_eq!(is_send(users.with_handle(&pool, 1)).await, 2);
            }
            assert_eq!((users.0.loads() - loads, pool.0.loads()), (1, 1));
            assert_key(&Users::by_default_key(1, 9), concat!(module_path!(), "::Users::by_default:1:9"));
        })
        .await;
}

#[tokio::test]
async fn a_plain_method_has_its_companion_too() {
    let users = Users(Repo::of(1));
    Cache::memory()
        .scope(async {
            assert_eq!((users.sum(1).0, users.sum(1).0, Users::of_the_type(1)), (2, 2, Ok(1)));
            assert_eq!((users.plain(0), users.plain(1).map(|value| value.0)), (None, Some(0)));
            assert_eq!(Users::sum_peek(1).unwrap().unwrap().value.0, 2);
            users.change(1).await;
            assert!(Users::sum_peek(1).unwrap().is_none() && Users::of_the_type_peek(1).unwrap().is_none());
            assert_eq!((users.sum_refresh(1).0, users.sum_uncached(1).0), (2, 2));
            Users::sum_invalidate(1);
            assert!(Users::sum_peek(1).unwrap().is_none());
        })
        .await;
}

#[tokio::test]
async fn entries_are_shared_with_a_method_and_by_one() {
    let users = Users(Repo::of(1));
    Cache::memory()
        .scope(async {
            assert_eq!(users.first(1).await, 2);
            users.0.source.write(50);
            assert_eq!(users.second(1).await, Some(2));
            assert_eq!(third(1).await, Ok(2));
            assert_eq!(Sharing.fourth(1).await, Some(2));
            assert_eq!(users.0.loads(), 1);
        })
        .await;
}

trait Load: Send + Sync {
    fn load(&self, id: u64) -> impl Future<Output = Result<Option<u64>, String>> + Send;
    fn length(&self, text: &str) -> usize;
}

struct Bare(Repo);

impl Load for Bare {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = 10,
        when = id != 7,
        unless = |value| *value == 2,
        with(tenant: u64 = self.0.tenant())
    )]
    async fn load(&self, id: u64) -> Result<Option<u64>, String> {
        decide(&self.0.source, id).await
    }

    #[cache_result(ttl = "1h", tier = local, skip(self))]
    fn length(&self, text: &str) -> usize {
        text.len() + self.0.loads()
    }
}

struct Methods(Repo);

#[cache_methods(skip(self))]
impl Load for Methods {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = 10,
        when = id != 7,
        unless = |value| *value == 2,
        key = "trait-companion:<tenant>:<self.0.filter:hash>:<id>",
        with(tenant: u64 = self.0.tenant())
    )]
    fn load(&self, id: u64) -> impl Future<Output = Result<Option<u64>, String>> + Send {
        decide(&self.0.source, id)
    }

    #[cache_result(ttl = "1h", tier = local)]
    fn length(&self, text: &str) -> usize {
        text.len() + self.0.loads()
    }
}

#[async_trait]
trait Boxed: Send + Sync {
    async fn boxed(&self, pool: &Pool, id: u64) -> Result<Option<u64>, String>;
}

#[async_trait]
impl Boxed for Bare {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = 10,
        when = id != 7,
        unless = |value| *value == 2,
        key = "async-trait-arguments:<tenant>:<self.0.filter:hash>:<id>",
        with(tenant: u64 = self.0.tenant())
    )]
    async fn boxed(&self, pool: &Pool, id: u64) -> Result<Option<u64>, String> {
        let _ = pool;
        decide(&self.0.source, id).await
    }
}

#[cache_methods(skip(self))]
#[async_trait]
impl Boxed for Methods {
    #[cache_result(
        ttl = |value| Duration::from_secs(*value),
        negative_ttl = 10,
        when = id != 7,
        unless = |value| *value == 2,
        version = 1,
        key = "async-trait-companion:<id>"
    )]
    async fn boxed(&self, pool: &Pool, id: u64) -> Result<Option<u64>, String> {
        let _ = pool;
        decide(&self.0.source, id).await
    }
}

#[tokio::test]
async fn arguments_go_on_methods_of_traits() {
    let (bare, methods, pool) = (Bare(Repo::of(1)), Methods(Repo::of(1)), Pool(Source::open()));
    Cache::memory()
        .scope(async {
            assert_decides(&bare.0.source, |id| bare.load(id)).await;
            assert_decides(&methods.0.source, |id| methods.load(id)).await;
            assert_decides(&bare.0.source, |id| bare.boxed(&pool, id)).await;
            assert_decides(&methods.0.source, |id| methods.boxed(&pool, id)).await;
            assert!(Methods::load_peek(Filter(vec![0.5]), 3, 1_u64).await.unwrap().is_some());
            assert!(Methods::boxed_peek(3).await.unwrap().is_some());
            let lengths = (bare.length("a"), methods.length("a"));
            methods.0.source.load().await;
            bare.0.source.load().await;
            assert_eq!((bare.length("a"), methods.length("a")), lengths);
            Methods::length_invalidate("a");
            assert_eq!(methods.length("a"), lengths.1 + 1);
        })
        .await;
}

#[cache_result(
    ttl = |value| Duration::from_secs(*value),
    negative_ttl = 10,
    when = id.into() != 7,
    unless = |value| *value == 2,
    key = "generic-arguments:<T>:<number>:<filter:hash>:<N>",
    with(number: u64 = id.into()),
    skip(F)
)]
async fn generic<T: Into<u64> + Copy + Send + Sync, F: Serialize + Sync, const N: usize>(
    pool: &Pool,
    filter: &F,
    id: T,
) -> Result<Option<u64>, String> {
    let _ = filter;
    decide(&pool.0, id.into()).await
}

#[cache_result(
    ttl = |value| Duration::from_secs(*value),
    negative_ttl = 10,
    when = id != 7,
    unless = |value| *value == 2,
    with(double: u64 = id * 2),
    key = "future-arguments:<double>"
)]
fn future(pool: Arc<Pool>, id: u64) -> impl Future<Output = Result<Option<u64>, String>> + Send {
    async move { decide(&pool.0, id).await }
}

#[tokio::test]
async fn arguments_go_on_generic_functions_and_on_futures() {
    let (pool, filter) = (Arc::new(Pool(Source::open())), Filter(vec![1.0]));
    Cache::memory()
        .scope(async {
            assert_decides(&pool.0, |id| generic::<u64, Filter, 2>(&pool, &filter, id)).await;
            assert_decides(&pool.0, |id| future(Arc::clone(&pool), id)).await;
            assert!(generic::peek::<u64, Filter, 2>(&filter, 3).await.unwrap().is_some());
            assert!(future::peek(6).await.unwrap().is_some());
        })
        .await;
}

mod db {
    use super::Source;

    pub(super) struct Pool(pub(super) Source);
    impl cachemacro::Handle for Pool {}
}

// A module has the parameter's name.
#[cache_result(ttl = "1h", key = "module-named:<id>")]
async fn named_like_a_module(db: &db::Pool, id: u64) -> u64 {
    db.0.load().await + id
}

fn half() -> u64 {
    40
}

// The body sees the function, and not what is computed.
#[cache_result(ttl = "1h", key = "unseen:<half>", with(half: u64 = id / 2))]
async fn unseen(id: u64) -> u64 {
    half() + id
}

struct Unseen;

impl Unseen {
    #[cache_result(ttl = "1h", key = "unseen-method:<half>", with(half: u64 = id / 2), skip(self))]
    async fn unseen(&self, id: u64) -> u64 {
        half() + id
    }
}

#[tokio::test]
async fn names_of_the_attribute_are_its_own() {
    let pool = db::Pool(Source::open());
    Cache::memory()
        .scope(async {
            assert_eq!((named_like_a_module(&pool, 1).await, named_like_a_module(&pool, 1).await), (2, 2));
            assert_eq!(pool.0.loads(), 1);
            assert_eq!((unseen(2).await, unseen(3).await, unseen(4).await), (42, 42, 44));
            assert_eq!((Unseen.unseen(2).await, Unseen.unseen(3).await), (42, 42));
        })
        .await;
}
