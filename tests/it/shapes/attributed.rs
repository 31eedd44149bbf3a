//! Other attributes, above and below.

use std::sync::Arc;

use async_trait::async_trait;
use cachemacro::{Cache, cache_methods, cache_result, invalidates};

use super::{is_send, site};
use crate::support::Source;

#[async_trait]
trait Store: Send + Sync {
    async fn load(&self, id: u64) -> Result<u64, String>;
    async fn save(&self, id: u64);

    #[cache_result(ttl = "1h", skip(self))]
    async fn by_async_trait_default(&self, id: u64) -> u64 {
        self.load(id).await.unwrap_or_default() + 100
    }
}

struct Sql(Source, u8);

#[async_trait]
impl Store for Sql {
    #[cache_result(ttl = "1h", key = "async-trait-crate:<self.1>:<id>")]
    async fn load(&self, id: u64) -> Result<u64, String> {
        fn nested(id: u64) -> Result<u64, String> {
            id.checked_sub(1).ok_or_else(|| "none".to_owned())
        }
        nested(id)?;
        Ok(self.0.load().await + id)
    }

    #[invalidates(key = "async-trait-crate:<self.1>:<id>")]
    async fn save(&self, id: u64) {
        self.0.write(10 + id);
    }
}

struct Other(Source);

#[cache_methods(skip(self))]
#[async_trait]
impl Store for Other {
    #[cache_result(ttl = "1h")]
    async fn load(&self, id: u64) -> Result<u64, String> {
        fn nested() -> u64 {
            0
        }
        Ok(self.0.load().await + id + nested())
    }

    #[invalidates(Other::load(id))]
    async fn save(&self, id: u64) {
        self.0.write(10 + id);
    }
}

#[tokio::test]
async fn async_trait_goes_with_both_attributes() {
    let stores: [Arc<dyn Store>; 2] = [Arc::new(Sql(Source::open(), 1)), Arc::new(Other(Source::open()))];
    Cache::memory()
        .scope(async {
            for store in stores {
                for _ in 0..2 {
                    assert_eq!(is_send(store.load(1)).await, Ok(2));
                }
                is_send(store.save(1)).await;
                assert_eq!(store.load(1).await, Ok(12));
            }
            assert_eq!(Other::load_peek(1).await.unwrap().unwrap().value, Ok(12));
            assert!(Sql(Source::open(), 1).load(0).await.is_err());
            for _ in 0..2 {
                assert_eq!(is_send(Sql(Source::open(), 1).by_async_trait_default(1)).await, 112);
                assert_eq!(Other(Source::open()).by_async_trait_default(2).await, 103);
            }
            assert_eq!(site("by_async_trait_default").stats().loads, 2);
        })
        .await;
}

#[tracing::instrument(skip(source))]
#[cache_result(ttl = "1h", key = "traced-above:<id>", skip(source))]
async fn traced_above(source: &Source, id: u64) -> Result<u64, String> {
    Ok(source.load().await + id)
}

#[cache_result(ttl = "1h", key = "traced-below:<id>", skip(source))]
#[tracing::instrument(skip(source), err)]
async fn traced_below(source: &Source, id: u64) -> Result<u64, String> {
    Ok(source.load().await + id)
}

impl Sql {
    #[tracing::instrument(skip(self))]
    #[cache_result(ttl = "1h", key = "traced-method-above:<id>", skip(self))]
    async fn traced_above(&self, id: u64) -> u64 {
        self.0.load().await + id
    }

    #[cache_result(ttl = "1h", key = "traced-method-below:<id>", skip(self))]
    #[tracing::instrument(skip(self))]
    async fn traced_below(&self, id: u64) -> u64 {
        self.0.load().await + id
    }
}

#[cache_methods(skip(self))]
impl Other {
    #[cache_result(ttl = "1h")]
    #[tracing::instrument(skip(self))]
    async fn traced(&self, id: u64) -> u64 {
        self.0.load().await + id
    }
}

#[tokio::test]
async fn instrument_goes_above_and_below() {
    let source = Source::open();
    let (sql, other) = (Sql(Source::open(), 1), Other(Source::open()));
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(traced_above(&source, 1)).await, Ok(2));
                assert_eq!(is_send(traced_below(&source, 1)).await, Ok(2));
                assert_eq!(is_send(sql.traced_above(1)).await, 2);
                assert_eq!(is_send(sql.traced_below(1)).await, 2);
                assert_eq!(is_send(other.traced(1)).await, 2);
            }
            assert_eq!((source.loads(), sql.0.loads(), other.0.loads()), (2, 2, 1));
        })
        .await;
}

#[cache_result(ttl = "1h", key = "large:<id>", skip(source))]
async fn large(source: &Source, id: u64) -> u64 {
    let block = [id as u8; 4096];
    source.load().await + block.iter().map(|&byte| u64::from(byte)).sum::<u64>()
}

impl Sql {
    #[cache_result(ttl = "1h", key = "large-method:<id>", skip(self))]
    async fn large(&self, id: u64) -> u64 {
        let block = [id as u8; 4096];
        self.0.load().await + block.iter().map(|&byte| u64::from(byte)).sum::<u64>()
    }
}

#[test]
fn a_body_is_in_its_future_once() {
    let (source, sql) = (Source::open(), Sql(Source::open(), 1));
    assert!(size_of_val(&large(&source, 1)) < 2 * 4096);
    assert!(size_of_val(&sql.large(1)) < 2 * 4096);
}
