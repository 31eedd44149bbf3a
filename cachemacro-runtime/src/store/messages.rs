//! What a store is asked, and what it answers.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::{Pattern, Permit, Token};
use crate::error::Error;

/// One key of a [`lookup`](super::Store::lookup).
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The lease to take if nothing is stored; without one, the lookup changes nothing.
    pub lease: Option<Lease>,
}

/// A lease or a guard to be taken or renewed.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// New for each acquisition: a token that two acquisitions share lets the first fill for the
    /// second, or end its guard.
    pub token: Token,
    /// How long it holds; at least 1 ms.
    pub ttl: Duration,
}

/// What a [`lookup`](super::Store::lookup) found under a key.
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
    /// Writers are at work. No lease is granted; what is loaded cannot be filled.
    ///
    /// The value from before them may be served, if there is one. Beside a lease that was asked for, a
    /// store may still find one whose own time is over, until its guard is renewed or ends: it is then
    /// past its time, and never invalidated.
    Guarded(Option<Entry>),
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
    /// When it was filled, by the store's own clock, where the store tells. With what it says of the
    /// [time](super::Watching::touch), its age follows.
    pub filled_at: Option<Duration>,
    /// How long ago it was filled, by the store's own clock; `None` if the store cannot tell. It may be
    /// taken for older than it is by about a round trip, and never for younger.
    pub age: Option<Duration>,
}

impl fmt::Debug for Entry {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("fill_id", &self.fill_id)
            .field("payload_bytes", &self.payload.len())
            .field("ttl", &self.ttl)
            .field("ttl_left", &self.ttl_left)
            .field("age", &self.age)
            .finish()
    }
}

/// A string under a key that other programs read and write too.
#[derive(Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// All of it.
    pub payload: Bytes,
    /// How long it lives; `None` if it does not expire.
    pub ttl: Option<Duration>,
}

impl fmt::Debug for RawEntry {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEntry")
            .field("payload_bytes", &self.payload.len())
            .field("ttl", &self.ttl)
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

/// A value to be stored at the end of a guard.
#[derive(Clone)]
pub struct Put<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The token of the guard that ends.
    pub guard: Token,
    /// Names this fill; new for each.
    pub fill_id: Token,
    /// The value.
    pub payload: Bytes,
    /// How long it lives; at least 1 ms.
    pub ttl: Duration,
}

impl fmt::Debug for Put<'_> {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("key", &String::from_utf8_lossy(self.key))
            .field("guard", &self.guard)
            .field("fill_id", &self.fill_id)
            .field("payload_bytes", &self.payload.len())
            .field("ttl", &self.ttl)
            .finish()
    }
}

impl Token {
    /// A new one.
    pub fn random() -> Self {
        Self::from(crate::chance::random::<[u8; 16]>())
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
