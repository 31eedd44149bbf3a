//! The shapes of what invalidates.

use std::future::Future;
use std::pin::Pin;

use cachemacro::{Cache, cache_result, invalidates};

use super::is_send;

#[cache_result(ttl = "1h", key = "mutated:<id>")]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(id))]
fn by_future(id: u64) -> impl Future<Output = Result<u64, ()>> + Send {
    async move { Ok(id) }
}

#[invalidates(get(result))]
fn by_box<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<u64, ()>> + Send + 'a>> {
    if text.is_empty() {
        return Box::pin(std::future::ready(Err(())));
    }
    Box::pin(async move { text.parse().map_err(|_| ()) })
}

struct Service;

impl Service {
    #[invalidates(get(id))]
    fn boxed_method<'life0, 'async_trait>(
        &'life0 self,
        id: u64,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let __self = self;
            let _ = (__self, id);
        })
    }
}

#[tokio::test]
async fn what_returns_a_future_invalidates() {
    let is_there = async |id| get::peek(id).await.unwrap().is_some();
    Cache::memory()
        .scope(async {
            get(1).await;
            drop(by_future(1));
            assert!(is_there(1).await, "nothing ran");
            is_send(by_future(1)).await.unwrap();
            assert!(!is_there(1).await);
            get(1).await;
            assert!(by_box("").await.is_err());
            assert!(is_there(1).await);
            is_send(by_box("1")).await.unwrap();
            assert!(!is_there(1).await);
            get(1).await;
            is_send(Service.boxed_method(1)).await;
            assert!(!is_there(1).await);
        })
        .await;
}
