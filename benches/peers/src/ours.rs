//! Functions that cachemacro caches.

use std::convert::Infallible;
use std::sync::Arc;

use cachemacro::cache_result;

use crate::user::{User, user};

/// What a service would write.
#[cache_result(ttl = "1h", key = "user:<id>")]
pub async fn get(id: u64) -> Arc<User> {
    user(id)
}

/// The same, where the key is written for each call: what is computed has no image.
#[cache_result(ttl = "1h", key = "written:<computed>", with(computed: u64 = id))]
pub async fn written(id: u64) -> Arc<User> {
    user(id)
}

/// The same, which may fail.
#[cache_result(ttl = "1h", key = "tried:<id>")]
pub async fn tried(id: u64) -> Result<Arc<User>, Infallible> {
    Ok(user(id))
}

/// Beside a store, in this process all the same.
#[cache_result(ttl = "1h", tier = local, key = "local:<id>")]
pub async fn local(id: u64) -> Arc<User> {
    user(id)
}

#[cache_result(ttl = "1h", tier = local, key = "plain:<id>")]
pub fn plain(id: u64) -> Arc<User> {
    user(id)
}

/// A key of text.
#[cache_result(ttl = "1h", key = "named:<name>")]
pub async fn named(name: &str) -> Arc<User> {
    user(name.len() as u64)
}
