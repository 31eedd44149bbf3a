//! One attribute on an async function, and it is cached.

pub use cachemacro_derive::{cache_methods, cache_result, invalidates};
pub use cachemacro_runtime::cache::{
    Cache, CacheBuilder, Cause, Closed, InvalidationEvent, Peek, Status, TierName,
};
pub use cachemacro_runtime::clock::Clock;
pub use cachemacro_runtime::codec;
pub use cachemacro_runtime::error::{Error, ErrorKind, Result};
pub use cachemacro_runtime::key::{self, Key, KeyArg, KeyBuf, KeyPart};
pub use cachemacro_runtime::site::{Site, Stats, registry};
pub use cachemacro_runtime::store;

#[doc(hidden)]
pub use cachemacro_runtime::generated;
