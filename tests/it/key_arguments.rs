//! What a key is made of beside parameters: `with(…)`, `<…:hash>`, `shares`, and what need not be in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cachemacro::{Cache, Handle, cache_result, invalidates, registry};
use serde::Serialize;

use crate::support::Source;

#[derive(Clone, Default, Serialize)]
struct Filter {
    text: Option<String>,
    ranges: Vec<(f64, f64)>,
    labels: HashMap<String, Vec<u8>>,
}

struct Session {
    token: String,
}

impl Session {
    fn user(&self) -> u64 {
        self.token.len() as u64
    }
}

#[cache_result(ttl = 60, key = "computed:<uid>:<name>:<page>", with(uid: u64 = session.user(), name: &str = &session.token), skip(source))]
async fn computed(source: &Source, session: Session, page: u8) -> u64 {
    let _ = (session.token, page);
    source.load().await
}

#[cache_result(ttl = 60, with(len: usize = ids.as_ref().len()), skip(source))]
async fn by_default(source: &Source, ids: impl AsRef<[u64]>, page: u8) -> u64 {
    let _ = (ids.as_ref(), page);
    source.load().await
}

#[invalidates(computed(page, session.user(), &session.token))]
async fn log_out(session: &Session, page: u8) {}

#[tokio::test]
async fn what_is_computed_is_in_the_key_and_the_companion_takes_it() {
    let source = Source::open();
    let session = |token: &str| Session { token: token.to_owned() };
    assert_eq!(computed::key(1, 3_u64, "abc").as_str(), "computed:3:abc:1");
    Cache::memory()
        .scope(async {
            computed(&source, session("abc"), 1).await;
            computed(&source, session("abc"), 1).await;
            assert_eq!(source.loads(), 1);
            computed(&source, session("abd"), 1).await;
            assert_eq!(source.loads(), 2);
            assert!(computed::peek(1, 3_u64, "abc").await.unwrap().is_some());
            log_out(&session("abc"), 1).await;
            assert!(computed::peek(1, 3_u64, "abc").await.unwrap().is_none());
            by_default(&source, [1, 2], 1).await;
            by_default(&source, vec![3, 4], 1).await;
            assert_eq!(source.loads(), 3);
            assert!(by_default::key(1, 2_usize).as_str().ends_with("::by_default:1:2"));
        })
        .await;
}

#[cache_result(ttl = 60, key = "search:<page>:<filter:hash>:<sort.0:hash>", skip(source))]
async fn search(source: &Source, page: u8, filter: &Filter, sort: ([f32; 2], u8)) -> u64 {
    let _ = (page, filter, sort);
    source.load().await
}

#[invalidates(key = "search:1:<filter:hash>:<sort.0:hash>")]
async fn forget(filter: Filter, sort: ([f32; 2], u8)) {
    drop(filter);
}

#[tokio::test]
async fn a_hash_stands_for_whatever_serializes() {
    let source = Source::open();
    let labels = |order: [usize; 2]| {
        let labels = [("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])];
        order.into_iter().map(|at| labels[at].clone()).collect()
    };
    let filter = Filter { text: Some("x".repeat(1000)), ranges: vec![(0.5, 1.0)], labels: labels([0, 1]) };
    let same = Filter { labels: labels([1, 0]), ..filter.clone() };
    let other = Filter { ranges: vec![], ..filter.clone() };
    let key = search::key(1, &filter, ([1.0, 2.0], 3));
    assert_eq!(key.as_str().len(), "search:1:".len() + 32 + 1 + 32, "{key}");
    assert_eq!(key, search::key(1, same.clone(), ([1.0, 2.0], 9)));
    assert_ne!(key, search::key(1, &other, ([1.0, 2.0], 3)));
    Cache::memory()
        .scope(async {
            for filter in [&filter, &same, &filter, &other] {
                search(&source, 1, filter, ([1.0, 2.0], 3)).await;
            }
            assert_eq!(source.loads(), 2);
            forget(same, ([1.0, 2.0], 3)).await;
            assert!(search::peek(1, &filter, ([1.0, 2.0], 3)).await.unwrap().is_none());
            assert!(search::peek(1, &other, ([1.0, 2.0], 3)).await.unwrap().is_some());
        })
        .await;
}

/// A value that fails to serialize.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[tokio::test]
async fn what_fails_to_serialize_is_not_cached() {
    #[cache_result(ttl = 60, key = "broken:<part:hash>", skip(source))]
    async fn broken(source: &Source, part: &Broken) -> u64 {
        let _ = part;
        source.load().await
    }
    let source = Source::open();
    Cache::memory()
        .scope(async {
            broken(&source, &Broken).await;
            broken(&source, &Broken).await;
            broken::refresh(&source, &Broken).await;
            assert!(broken::peek(&Broken).await.unwrap().is_none());
        })
        .await;
    assert_eq!(source.loads(), 3);
}

/// A type that never changes a result.
struct AppState(Source);

impl Handle for AppState {}

trait Repo: Send + Sync {
    fn source(&self) -> &Source;
}

impl Repo for AppState {
    fn source(&self) -> &Source {
        &self.0
    }
}

impl Handle for dyn Repo {}

#[cache_result(ttl = 60, key = "handles:<id>")]
async fn handles(state: &AppState, repo: Arc<dyn Repo>, spare: Arc<AppState>, id: u64) -> u64 {
    let _ = (state, spare);
    repo.source().load().await + id
}

#[tokio::test]
async fn a_handle_need_not_be_named() {
    let (state, spare) = (AppState(Source::open()), Arc::new(AppState(Source::open())));
    let repo: Arc<dyn Repo> = Arc::new(AppState(Source::open()));
    Cache::memory()
        .scope(async {
            handles(&state, Arc::clone(&repo), Arc::clone(&spare), 1).await;
            handles(&state, Arc::clone(&repo), Arc::clone(&spare), 1).await;
            assert_eq!(repo.source().loads(), 1);
            assert_eq!(handles::key(1).as_str(), "handles:1");
        })
        .await;
}

#[cache_result(ttl = 60, key = "shared:<id>", skip(source))]
async fn by_id(source: &Source, id: u64) -> Option<BTreeMap<u64, u64>> {
    Some(BTreeMap::from([(id, source.load().await)]))
}

mod elsewhere {
    use super::*;

    #[cache_result(ttl = 60, key = "shared:<number>", shares = super::by_id, skip(source))]
    pub(super) async fn by_number(source: &Source, number: u64) -> Result<BTreeMap<u64, u64>, String> {
        Ok(BTreeMap::from([(number, source.load().await)]))
    }
}

#[tokio::test]
async fn functions_that_share_their_entries_read_each_other() {
    let source = Source::open();
    Cache::memory()
        .scope(async {
            let first = by_id(&source, 1).await.unwrap();
            assert_eq!(elsewhere::by_number(&source, 1).await, Ok(first));
            assert_eq!(source.loads(), 1);
            elsewhere::by_number::invalidate(1).await.unwrap();
            assert!(by_id::peek(1).await.unwrap().is_none());
        })
        .await;
    assert!(registry().iter().any(|site| site.name() == "by_number"));
}
