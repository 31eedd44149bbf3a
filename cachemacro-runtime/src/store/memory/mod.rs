//! A store in this process: what the shared ones are compared with, and a store for tests.
//!
//! The embedded default cache does not go through it: it keeps typed values in the same
//! table, without encoding them.

pub(crate) mod table;

use std::time::Duration;

use bytes::Bytes;

use self::table::{LeaseTable, Sighting, TableFill};
use super::{Ask, Capabilities, Entry, Fill, Found, Lease, Page, Scan, Store, StoreFuture, Token, Verdict};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// The bounds of what is kept in this process. What is used least is evicted to stay within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// All keys and values, in bytes, with what the map itself needs; 64 MiB by default.
    pub bytes_max: u64,
    /// All entries; a million by default.
    pub entries_max: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, entries_max: 1_000_000 }
    }
}

/// Bytes in this process, under the lease protocol.
#[derive(Debug)]
pub struct MemoryStore {
    table: LeaseTable<Bytes>,
    clock: Clock,
    value_bytes_max: usize,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: MemoryLimits, clock: Clock) -> Self {
        let value_bytes_max = usize::try_from(limits.bytes_max).unwrap_or(usize::MAX);
        Self { table: LeaseTable::new(limits, clock.clone()), clock, value_bytes_max }
    }

    fn find(&self, ask: &Ask<'_>) -> Found {
        match self.table.lookup(ask.key, ask.lease) {
            Sighting::Hit(held) => Found::Hit(Entry {
                fill_id: held.fill_id,
                ttl: held.ttl,
                ttl_left: Some(held.until.since(self.clock.now())),
                payload: held.value,
            }),
            Sighting::Lead => Found::Lead,
            Sighting::Busy => Found::Busy,
            Sighting::Absent => Found::Absent,
        }
    }

    fn put(&self, fill: Fill<'_>) -> Result<Verdict> {
        let bytes = fill.payload.len();
        if !self.table.fits(fill.key, bytes) {
            let detail = format!("a value of {bytes} bytes does not fit; raise the memory limit");
            return Err(Error::new(ErrorKind::Unstorable, "memory fill", detail).with_key(fill.key));
        }
        Ok(self.table.fill(
            fill.key,
            TableFill {
                permit: fill.permit,
                fill_id: fill.fill_id,
                value: fill.payload,
                bytes,
                ttl: fill.ttl,
            },
        ))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemoryLimits::default(), Clock::system())
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { shared: false, ..Capabilities::new(usize::MAX, self.value_bytes_max) }
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move { asks.iter().map(|ask| self.find(ask)).collect() })
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.put(fill) })
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.renew(key, lease)) })
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.release(key, token)) })
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(keys.iter().filter(|key| self.table.invalidate(key)).count() as u64) })
    }

    /// Lists all in one page: they are in this process already, and no more than the limit.
    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async move { Ok(Page { keys: self.table.keys(scan.pattern), next: None }) })
    }

    fn close(&self, _deadline: Duration) -> StoreFuture<'_, bool> {
        Box::pin(async { true })
    }
}
