//! What generated code hands over: a call, or a key to be invalidated.

use std::time::Duration;

use crate::cache::Cache;
use crate::key::{Key, KeyBuf};
use crate::site::Site;

/// One call of a cached function. `P` is what its attribute says of its value.
#[derive(Debug)]
pub struct Call<P = Duration> {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// The key of the arguments.
    pub key: KeyBuf,
    /// Whether a value is kept, and how long: a duration, or more [terms](crate::policy::Terms).
    pub ttl: P,
}

/// What is to be invalidated: a key, of a function or as it stands, in a cache or in the current one.
#[derive(Clone, Debug)]
pub struct Target {
    /// The function, where it is one's.
    pub site: Option<&'static Site>,
    /// The cache, where one is named.
    pub cache: Option<Cache>,
    /// The key.
    pub key: Key,
}
