//! A hit allocates nothing. The counter counts for each thread, so that other tests do not disturb it.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use cachemacro::{Cache, TierName, cache_methods, cache_result};

use crate::support::{RedisServer, eventually};

/// Longer than what a value holds in itself.
type Text = Arc<String>;

fn text(of: impl Debug) -> Text {
    Arc::new(format!("a text of {of:?}"))
}

#[cache_result(ttl = "1h", key = "allocations-free:<id>")]
async fn free(id: u64) -> Text {
    text(id)
}

#[cache_result(ttl = "1h", key = "allocations-tried:<name>:<id>")]
async fn tried(name: &str, id: Option<u64>) -> Result<Text, Infallible> {
    Ok(text((name, id)))
}

#[cache_result(ttl = "1h", key = "allocations-chosen:<id>", negative_ttl = "1m", unless = |text| text.is_empty())]
async fn chosen(id: u64) -> Option<Text> {
    (id > 0).then(|| text(id))
}

#[cache_result(ttl = "1h", tier = local)]
async fn local(id: u64) -> Text {
    text(id)
}

#[cache_result(ttl = "1h", tier = local)]
fn plain(id: u64) -> Text {
    text(id)
}

static OTHER: LazyLock<Cache> = LazyLock::new(Cache::memory);

#[cache_result(ttl = "1h", cache = &*OTHER)]
async fn elsewhere(id: u64) -> Text {
    text(id)
}

#[derive(Clone)]
struct Repo {
    tenant: u32,
}

#[cache_methods]
impl Repo {
    #[cache_result(ttl = "1h", key = "allocations-method:<self.tenant>:<id>")]
    async fn method(&self, id: u64) -> Text {
        text((self.tenant, id))
    }
}

#[tokio::test]
async fn a_hit_allocates_nothing() {
    let repo = Repo { tenant: 7 };
    Cache::memory()
        .scope(async {
            is_free("a function", || free(u64::MAX)).await;
            is_free("a `Result`, by text", || tried("someone@example.org", Some(1))).await;
            is_free("an `Option`, with clauses", || chosen(1)).await;
            is_free("a cached `None`", || chosen(0)).await;
            is_free("a local function", || local(1)).await;
            is_free("a named cache", || elsewhere(1)).await;
            is_free("a method", || repo.method(1)).await;
            is_free("a plain function", || async { plain(1) }).await;
        })
        .await;
}

#[cache_result(ttl = "1h", key = "allocations-near:<name>:<id>")]
async fn near(name: &str, id: u64) -> Result<Text, Infallible> {
    Ok(text((name, id)))
}

#[tokio::test]
async fn a_hit_of_what_is_kept_near_allocates_nothing() {
    let server = RedisServer::start();
    let cache = Cache::connect(&server.url()).await.expect("the server runs");
    cache
        .scope(async {
            let call = || near("someone@example.org", u64::MAX);
            eventually("it is kept", async || {
                let _ = call().await;
                let peek = near::peek("someone@example.org", u64::MAX).await.expect("the server runs");
                peek.is_some_and(|peek| peek.tier == TierName::Near)
            })
            .await;
            is_free("what is kept near", call).await;
        })
        .await;
}

/// Calls once to load, and once more to count.
async fn is_free<F: Future>(what: &str, call: impl Fn() -> F)
where
    F::Output: PartialEq + Debug,
{
    let loaded = call().await;
    let mut hit = None;
    let counted = measure(|| {
        let mut context = Context::from_waker(Waker::noop());
        hit = match pin!(call()).poll(&mut context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        };
    });
    assert_eq!(hit, Some(loaded), "{what} does not hit at once");
    assert_eq!(counted.count_total, 0, "{what} allocates {} bytes", counted.bytes_total);
}
