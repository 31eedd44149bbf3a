//! The other caching libraries, each as its own documentation says.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cached::macros::{cached, concurrent_cached};
use moka::future::Cache;

use crate::user::{User, user};

const ENTRIES: u64 = 1_000_000;

#[cached(max_size = 1_000_000, ttl_secs = 3600)]
pub async fn cached_async(id: u64) -> Arc<User> {
    user(id)
}

#[concurrent_cached(max_size = 1_000_000, ttl_secs = 3600)]
pub async fn cached_concurrent(id: u64) -> Arc<User> {
    user(id)
}

#[concurrent_cached(max_size = 1_000_000, ttl_secs = 3600, key = "String", convert = { format!("user:{id}") })]
pub async fn cached_concurrent_text(id: u64) -> Arc<User> {
    user(id)
}

pub static MOKA_BY_ID: LazyLock<Cache<u64, Arc<User>>> = LazyLock::new(moka);
pub static MOKA_BY_TEXT: LazyLock<Cache<String, Arc<User>>> = LazyLock::new(moka);

fn moka<K: std::hash::Hash + Eq + Send + Sync + 'static>() -> Cache<K, Arc<User>> {
    Cache::builder().max_capacity(ENTRIES).time_to_live(Duration::from_secs(3600)).build()
}
