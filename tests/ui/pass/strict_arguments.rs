//! Every argument, in a program that allows nothing.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#![deny(missing_debug_implementations, missing_copy_implementations, unused_qualifications)]
#![deny(rust_2018_idioms, single_use_lifetimes, unused_lifetimes, unused_results, let_underscore_drop)]
#![forbid(unsafe_code)]

use std::time::Duration;

use cachemacro::{Handle, KeyPart, cache_result};

/// A state.
#[derive(Clone, Copy, Debug)]
pub struct State<'a>(&'a str);

impl Handle for State<'_> {}

/// A filter.
#[derive(Clone, Copy, Debug, KeyPart, serde::Serialize)]
pub enum Filter<'a, T> {
    /// All.
    All,
    /// By a name.
    By {
        /// The name.
        name: &'a str,
        /// The rest.
        rest: T,
    },
}

/// An id.
#[derive(Clone, Copy, Debug, KeyPart)]
pub struct Id(u64);

/// Loads.
#[cache_result(
    ttl = |value| Duration::from_secs(*value),
    negative_ttl = "1s",
    key = "search:<id>:<filter>:<again:hash>:<length>",
    with(length: usize = state.0.len()),
    when = id.0 > 0,
    unless = |value| *value > 9,
    version = 3,
)]
pub async fn search(state: State<'_>, id: Id, filter: Filter<'_, u8>, again: Filter<'_, u8>) -> Option<u64> {
    let _ = (filter, again);
    (id.0 > 5).then_some(5)
}

/// Loads too.
#[cache_result(ttl = 5, key = "handles:<id>", shares = other)]
pub async fn handles(state: State<'_>, id: Id) -> u64 {
    id.0 + state.0.len() as u64 - 1
}

#[cache_result(ttl = 5, key = "handles:<id>")]
async fn other(id: Id) -> u64 {
    id.0
}

/// Computes.
#[cache_result(ttl = 5, tier = local, key = "local:<id>", unless = |value| *value == 0)]
pub fn computed(id: Id) -> u64 {
    id.0
}

#[tokio::main]
async fn main() {
    let filter = Filter::By { name: "a", rest: 1 };
    assert_eq!(search(State("a"), Id(6), filter, Filter::All).await, Some(5));
    assert_eq!(handles(State("a"), Id(1)).await, 1);
    assert_eq!(other(Id(1)).await, 1);
    assert_eq!(computed(Id(1)), 1);
    computed::invalidate(Id(1));
    cachemacro::Cache::memory().install().unwrap();
}
