//! Whether, where and how long values are kept, beside the plain `ttl`.

use std::time::Duration;

use syn::{Expr, Path};

/// What an attribute says of a value, beside its `ttl`.
pub(crate) struct Storing {
    /// Whether the cache is used at all.
    pub(crate) when: Option<Expr>,
    /// Whether a value is not kept.
    pub(crate) unless: Option<Expr>,
    /// How long a `None` lives, if it is cached.
    pub(crate) negative_ttl: Option<Duration>,
    /// What is stored by another version is not read.
    pub(crate) version: u32,
    /// Whether values never leave the process.
    pub(crate) is_local: bool,
    /// The function whose entries it shares.
    pub(crate) shares: Option<Path>,
}
