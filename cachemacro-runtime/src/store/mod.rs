//! What a shared store must be able to do: not get and set, but leases.
//!
//! A fill needs a permit that an invalidation takes away. That is the whole protocol, and a store
//! is whatever can do each of these steps atomically for one key:
//!
//! | step | does |
//! |---|---|
//! | [`lookup`](Store::lookup) | a value, or a lease on what is absent, or word that another holds it |
//! | [`fill`](Store::fill) | puts a value where the permit still stands, and only there |
//! | [`renew`](Store::renew) | keeps a lease that is still held |
//! | [`release`](Store::release) | gives a lease up, and says whether it was still held |
//! | [`invalidate`](Store::invalidate) | removes values and takes leases away |
//! | [`scan`](Store::scan) | lists the keys that match a pattern |

pub mod conformance;
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;

mod pattern;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, Result};

pub use pattern::Pattern;

/// What a [`Store`] returns: boxed, once, at the store's edge.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place for bytes that speaks the lease protocol; see the [module](self).
///
/// Implement it for a store of your own, and hold it to [`conformance`].
///
/// # Cancel safety
///
/// Every future may be dropped before its end; the operation then took effect or did not. A store
/// keeps the order of operations on one key: a release that is sent after a dropped lookup of the
/// same key takes effect after it.
pub trait Store: Send + Sync + 'static {
    /// The name of the kind of store, in lower case: it labels errors, spans and metrics.
    fn name(&self) -> &'static str;

    /// What this store can do and what bounds it has.
    fn capabilities(&self) -> Capabilities;

    /// Looks up many keys in one go; the answers come in the order of the asks.
    ///
    /// An ask with a lease gets [`Found::Lead`] where nothing is stored, and the lease is then held
    /// under its token until it is filled, released or invalidated, or its time is over.
    ///
    /// Failures are given for each key ([`Found::Failed`]): an outage is never a miss.
    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>>;

    /// Stores a value if its permit still stands.
    ///
    /// # Errors
    ///
    /// If the store could not be asked or refused to store; the permit may then still stand.
    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>>;

    /// Sets the time left of a lease, if it is still held under this token.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>>;

    /// Gives a lease up, if it is still held under this token; nothing else is touched.
    ///
    /// [`Verdict::Accepted`] means that no invalidation came since the lease was granted.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>>;

    /// Removes the values and takes the leases of these keys away; returns how many there were.
    ///
    /// What the store holds of another kind than cachemacro writes (a Redis list, say) is left alone.
    ///
    /// # Errors
    ///
    /// If it is not known to have been done for every key. It is then safe to ask again.
    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>>;

    /// Lists one page of the keys that match a pattern, leases included.
    ///
    /// A key that is there from the first page to the last is listed at least once.
    ///
    /// # Errors
    ///
    /// If the store could not be asked.
    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>>;

    /// Ends the store's tasks and connections, within `deadline`; says whether all have ended.
    fn close(&self, deadline: Duration) -> StoreFuture<'_, bool>;
}

/// What a store can do beside the steps of the protocol, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether other processes see the same entries.
    pub shared: bool,
    /// Whether [`scan`](Store::scan) lists keys; a store that cannot returns an error.
    pub scan: bool,
    /// The longest key, in bytes.
    pub key_bytes_max: usize,
    /// The largest payload, in bytes.
    pub value_bytes_max: usize,
}

impl Capabilities {
    /// A store that other processes share, can scan, and has these bounds in bytes.
    pub fn new(key_bytes_max: usize, value_bytes_max: usize) -> Self {
        Self { shared: true, scan: true, key_bytes_max, value_bytes_max }
    }
}

/// One key of a [`lookup`](Store::lookup).
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The lease to take if nothing is stored; without one, the lookup changes nothing.
    pub lease: Option<Lease>,
}

/// A lease to be taken or renewed.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// New for each acquisition: a token that two acquisitions share lets the first fill for the second.
    pub token: Token,
    /// How long it holds; at least 1 ms.
    pub ttl: Duration,
}

/// What a [`lookup`](Store::lookup) found under a key.
#[derive(Clone, Debug)]
pub enum Found {
    /// A value.
    Hit(Entry),
    /// Nothing; the lease that was asked for is held now.
    Lead,
    /// Nothing yet: somebody else holds the lease.
    Busy,
    /// Nothing, and no lease: none was asked for, or the store is full or read-only and grants none.
    Absent,
    /// A value in the place of ours that cachemacro did not write. An invalidation removes it.
    Foreign,
    /// Data of another kind (a Redis list, say). It is left alone, whatever is asked.
    OtherKind,
    /// The store could not be asked.
    Failed(Error),
}

/// A stored value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Names this one fill.
    pub fill_id: Token,
    /// What was filled.
    pub payload: Bytes,
    /// The ttl it was filled with.
    pub ttl: Duration,
    /// The time left, where the store tells it with a lookup: always for one without a lease.
    pub ttl_left: Option<Duration>,
}

impl fmt::Debug for Entry {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("fill_id", &self.fill_id)
            .field("payload_bytes", &self.payload.len())
            .field("ttl", &self.ttl)
            .field("ttl_left", &self.ttl_left)
            .finish()
    }
}

/// A value to be stored.
#[derive(Clone)]
pub struct Fill<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What must still stand for it to be stored.
    pub permit: Permit,
    /// Names this fill; new for each.
    pub fill_id: Token,
    /// The value.
    pub payload: Bytes,
    /// How long it lives; at least 1 ms.
    pub ttl: Duration,
}

impl fmt::Debug for Fill<'_> {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill")
            .field("key", &String::from_utf8_lossy(self.key))
            .field("permit", &self.permit)
            .field("fill_id", &self.fill_id)
            .field("payload_bytes", &self.payload.len())
            .field("ttl", &self.ttl)
            .finish()
    }
}

/// What allows a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The lease that is held under this token.
    Lease(Token),
    /// The value of this fill, still in its place: a refresh replaces what it set out to replace.
    Replace(Token),
}

/// Whether a permit still stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It stood.
    Accepted,
    /// It was gone: invalidated, expired, evicted, or lost with the store's memory.
    Refused,
}

impl From<bool> for Verdict {
    fn from(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Refused }
    }
}

/// 128 random bits that name one lease or one fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// A new one.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// The bits, as they are stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for Token {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// One step of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// Which keys.
    pub pattern: &'a Pattern,
    /// Where to go on: 0 to start, then what the last [`Page`] said.
    pub cursor: u64,
    /// About how many keys to look at; a hint.
    pub page_len: usize,
}

/// What one step of a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The keys, possibly with repetitions.
    pub keys: Vec<Vec<u8>>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}
