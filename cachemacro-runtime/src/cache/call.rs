//! What generated code hands over: a call, or a key to be invalidated.

use std::time::Duration;

use crate::cache::Cache;
use crate::key::{Key, KeyBuf};
use crate::site::Site;

/// One call of a cached function.
#[derive(Debug)]
pub struct Call {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// The key of the arguments.
    pub key: KeyBuf,
    /// How long a value lives.
    pub ttl: Duration,
    /// What it is for, of what the key does not tell apart: the `impl` of a method.
    pub instance: Option<&'static str>,
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
