//! Whether, where and how long values are kept, beside the plain `ttl`.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{Expr, Path};

use crate::attr::Codec;

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
    /// How they are written, if not as the cache's are.
    pub(crate) codec: Option<Codec>,
    /// The largest that is stored, in bytes, if not what the engine allows.
    pub(crate) value_bytes_max: Option<usize>,
    /// How many bytes of a process they may take, in a room of their own.
    pub(crate) memory: Option<u64>,
    /// Whether values never leave the process.
    pub(crate) is_local: bool,
    /// Whether a shared store is asked each time.
    pub(crate) is_strict: bool,
    /// The parameters that may say that the call is part of a transaction.
    pub(crate) pending: Vec<Ident>,
    /// The function whose entries it shares.
    pub(crate) shares: Option<Path>,
}
