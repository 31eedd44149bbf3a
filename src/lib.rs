//! One attribute on an async function, and it is cached. One on a mutation, and it invalidates.
//!
//! ```
//! use cachemacro::{cache_result, invalidates};
//!
//! # struct Db(std::sync::Mutex<String>);
//! #[cache_result(ttl = "1h", key = "name:<id>", skip(db))]
//! async fn name(db: &Db, id: u64) -> Result<String, std::io::Error> {
//!     # let _ = id;
//!     Ok(db.0.lock().unwrap().clone())
//! }
//!
//! #[invalidates(name(id))]
//! async fn rename(db: &Db, id: u64, new: &str) -> Result<(), std::io::Error> {
//!     *db.0.lock().unwrap() = new.to_owned();
//!     Ok(())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), std::io::Error> {
//! # let db = Db(std::sync::Mutex::new("anna".to_owned()));
//! assert_eq!(name(&db, 42).await?, "anna"); // runs the body
//! assert_eq!(name(&db, 42).await?, "anna"); // does not
//! rename(&db, 42, "berta").await?;
//! assert_eq!(name(&db, 42).await?, "berta");
//! # Ok(())
//! # }
//! ```
//!
//! The arguments are explained at [`cache_result`] and [`invalidates`], the choice of a cache at [`Cache`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `bincode` | yes | the codec of shared stores |
//! | `json` | yes | the codec `Json`, which also carries what a codec without field names cannot |
//! | `msgpack`, `postcard` | | the codecs `MessagePack` and `Postcard` |
//! | `compression` | | `Compressed<…>` around a codec, by LZ4 |
//! | `redis` | yes | Redis and Valkey |
//! | `tuning-file` | | `CacheBuilder::tuning_file`: classes of ttl and tunings in a file that is re-read |
//! | `tracing` | | spans and events, which carry a key's template and never a key |
//! | `uuid`, `chrono`, `time` | | [`KeyPart`] for their types |

pub use cachemacro_derive::{KeyPart, cache_methods, cache_put, cache_result, invalidates};
pub use cachemacro_runtime::cache::{
    Cache, CacheBuilder, Cause, Closed, Coherence, Guard, InvalidationEvent, JournalLimits, Peek, Pending,
    Status, Subject, Swept, TierName, Tuning, Warmed, Warming,
};
pub use cachemacro_runtime::clock::Clock;
pub use cachemacro_runtime::error::{Error, ErrorKind, Result};
pub use cachemacro_runtime::graph::{Finding, Graph, graph};
pub use cachemacro_runtime::key::{self, Handle, Key, KeyArg, KeyBuf, KeyPart};
pub use cachemacro_runtime::policy::TtlClass;
pub use cachemacro_runtime::site::{Site, Stats, registry};
pub use cachemacro_runtime::tag::Tag;
pub use cachemacro_runtime::{codec, store};

#[doc(hidden)]
pub use cachemacro_runtime::generated;

/// The guide's code, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
