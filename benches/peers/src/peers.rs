//! The other caching libraries, each as its own documentation says.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cached::macros::{cached, concurrent_cached};
use hitbox::policy::PolicyConfig;
use hitbox_moka::MokaBackend;
use moka::future::Cache;

use crate::cases::now;
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

static HITBOX: LazyLock<hitbox_fn::Cache<MokaBackend>> = LazyLock::new(|| {
    let policy = PolicyConfig::builder().ttl(Duration::from_secs(3600)).build();
    hitbox_fn::Cache::builder()
        .backend(MokaBackend::builder().max_entries(ENTRIES).build())
        .policy(policy)
        .build()
});

#[hitbox_fn::cached(prefix = "hitbox")]
async fn by_hitbox(id: u64) -> Result<u64, Infallible> {
    Ok(id)
}

pub async fn hitbox(id: u64) -> u64 {
    by_hitbox(id).cache(&*HITBOX).await.unwrap_or_else(|never| match never {})
}

/// Fills those that nothing else fills.
pub fn fill(id: u64, user: &Arc<User>) {
    now(MOKA_BY_ID.insert(id, Arc::clone(user)));
    now(MOKA_BY_TEXT.insert(format!("user:{id}"), Arc::clone(user)));
}

/// Has what was filled be there.
pub fn settle() {
    now(MOKA_BY_ID.run_pending_tasks());
    now(MOKA_BY_TEXT.run_pending_tasks());
}
