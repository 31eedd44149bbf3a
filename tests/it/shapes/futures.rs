//! Functions that return a future: `impl Future`, and the boxed one of `#[async_trait]`.

#![expect(clippy::manual_async_fn, reason = "the other way to write it is what is tested")]

use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;

use cachemacro::{Cache, cache_result};

use super::{assert_key, is_send, site};
use crate::support::Source;

#[cache_result(ttl = "1h", key = "impl-future:<id>", skip(source))]
fn loaded(source: &Source, id: u64) -> impl Future<Output = Result<u64, ()>> + Send {
    async move { Ok(source.load().await + id) }
}

#[cache_result(ttl = "1h", key = "impl-future-lifetime:<name>", skip(source))]
fn named<'a>(source: &'a Source, name: &'a str) -> impl Future<Output = usize> + Send + use<'a> {
    let length = name.len();
    async move { length + source.load().await as usize }
}

#[cache_result(ttl = "1h", key = "ready:<id>")]
fn plain(id: u64) -> impl Future<Output = u64> + Send {
    ready(id)
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[cache_result(ttl = "1h", key = "boxed:<id>", skip(source))]
fn boxed<'a>(source: &'a Source, id: u64) -> Pin<Box<dyn Future<Output = Option<u64>> + Send + 'a>> {
    if id == 0 {
        return Box::pin(ready(None));
    }
    Box::pin(async move { Some(source.load().await + id) })
}

#[tokio::test]
async fn a_function_that_returns_a_future_is_cached_like_an_async_one() {
    let source = Source::open();
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(loaded(&source, 1)).await, Ok(2));
                assert_eq!(is_send(named(&source, "abc")).await, 4);
                assert_eq!(is_send(plain(7)).await, 7);
                assert_eq!(is_send(boxed(&source, 1)).await, Some(2));
                assert_eq!(boxed(&source, 0).await, None);
            }
            assert_eq!(source.loads(), 3);
            loaded::refresh(&source, 1).await.unwrap();
            loaded::uncached(&source, 1).await.unwrap();
            boxed::refresh(&source, 1).await.unwrap();
            boxed::uncached(&source, 1).await.unwrap();
            assert_eq!(source.loads(), 7);
            loaded::invalidate(1).await.unwrap();
            assert!(loaded::peek(1).await.unwrap().is_none());
            assert!(boxed::peek(1).await.unwrap().is_some());
        })
        .await;
    assert_key(&named::key("a"), "impl-future-lifetime:a");
}

#[tokio::test]
async fn nothing_runs_before_the_first_poll() {
    let source = Source::open();
    drop((loaded(&source, 5), named(&source, "x"), boxed(&source, 5)));
    assert_eq!((source.loads(), site("loaded").stats().loads), (0, site("loaded").stats().loads));
}

// What `#[async_trait]` makes of a trait, as that crate writes it.
trait Store: Send + Sync {
    fn get<'life0, 'async_trait>(&'life0 self, id: u64) -> Boxed<'async_trait, Result<u64, String>>
    where
        'life0: 'async_trait,
        Self: 'async_trait;
}

struct Sql {
    source: Source,
    tenant: u8,
}

impl Store for Sql {
    #[cache_result(ttl = "1h", key = "async-trait:<self.tenant>:<id>")]
    fn get<'life0, 'async_trait>(
        &'life0 self,
        id: u64,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<u64, String>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<Result<u64, String>> {
                return __ret;
            }
            let __self = self;
            let __ret: Result<u64, String> =
                { if id == 0 { Err("none".to_owned())? } else { Ok(__self.source.load().await + id) } };
            #[allow(unreachable_code)]
            __ret
        })
    }
}

#[tokio::test]
async fn a_boxed_method_is_cached_through_its_trait() {
    let store: Box<dyn Store> = Box::new(Sql { source: Source::open(), tenant: 1 });
    let other = Sql { source: Source::open(), tenant: 2 };
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(store.get(1)).await, Ok(2));
                assert_eq!(other.get(1).await, Ok(2));
                assert!(store.get(0).await.is_err());
            }
            assert_eq!(other.source.loads(), 1);
        })
        .await;
}

trait Native {
    async fn native(&self, id: u64) -> u64;
    fn native_send(&self, id: u64) -> impl Future<Output = u64> + Send;
}

impl Native for Sql {
    #[cache_result(ttl = "1h", key = "native:<self.tenant>:<id>")]
    async fn native(&self, id: u64) -> u64 {
        self.source.load().await + id
    }

    #[cache_result(ttl = "1h", key = "native-send:<self.tenant>:<id>")]
    fn native_send(&self, id: u64) -> impl Future<Output = u64> + Send {
        async move { self.source.load().await + id }
    }
}

#[tokio::test]
async fn native_async_methods_are_cached() {
    let sql = Sql { source: Source::open(), tenant: 1 };
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(sql.native(1)).await, 2);
                assert_eq!(is_send(sql.native_send(1)).await, 2);
            }
            assert_eq!(sql.source.loads(), 2);
        })
        .await;
}

/// An error that cannot go to another thread, though the future that makes it can.
#[derive(Debug)]
struct NotSend(#[expect(dead_code, reason = "it is what makes this not `Send`")] Rc<()>);

#[cache_result(ttl = "1h", key = "not-send:<id>")]
async fn local_error(id: u64) -> Result<u64, NotSend> {
    if id == 0 { Err(NotSend(Rc::new(()))) } else { Ok(id) }
}

#[tokio::test]
async fn a_future_that_is_not_send_is_cached_on_its_thread() {
    assert!(local_error(0).await.is_err());
    assert_eq!(local_error(1).await.unwrap(), 1);
}

/// An error that threads cannot look at together, as most boxed ones are.
#[cache_result(ttl = "1h", key = "not-sync:<id>")]
async fn unshared_error(id: u64) -> Result<u64, Box<dyn std::error::Error + Send>> {
    u64::try_from(i128::from(id) - 1).map_err(|error| Box::new(error) as _)
}

#[tokio::test]
async fn a_call_goes_to_another_thread_where_its_error_can() {
    assert!(is_send(unshared_error(0)).await.is_err());
    assert_eq!(is_send(unshared_error(8)).await.unwrap(), 7);
}
