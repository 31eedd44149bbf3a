//! A store in this process: what the shared ones are compared with, and a store for tests.
//!
//! The embedded default cache does not go through it: it keeps typed values in the same
//! table, without encoding them.

pub(crate) mod table;

use std::time::Duration;

use bytes::Bytes;

use self::table::{Held, LeaseTable, Sighting, TableFill, TablePut};
use super::{
    Ask, Capabilities, Entry, Fill, Found, Lease, Page, Put, PutVerdict, Scan, Store, StoreFuture, Token,
    Verdict, all_stood,
};
use crate::clock::{Clock, Moment};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::slot::Begun;

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

/// Bytes in this process, under the protocol of leases and guards.
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
            Sighting::Hit(held) => Found::Hit(self.entry(held)),
            Sighting::Lead => Found::Lead,
            Sighting::Busy => Found::Busy,
            Sighting::Absent => Found::Absent,
            Sighting::Guarded(carried) => Found::Guarded(carried.map(|held| self.entry(held))),
        }
    }

    fn entry(&self, held: Held<Bytes>) -> Entry {
        let now = self.clock.now();
        Entry {
            fill_id: held.fill_id,
            ttl: held.ttl,
            ttl_left: Some(held.until.since(now)),
            filled_at: Some(held.filled.since(Moment::FIRST)),
            age: Some(now.since(held.filled)),
            payload: held.value,
        }
    }

    fn store(&self, fill: Fill<'_>) -> Result<Verdict> {
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
                serves: fill.ttl,
            },
        ))
    }

    fn end_with(&self, put: Put<'_>) -> PutVerdict {
        let Put { key, guard, fill_id, payload: value, ttl } = put;
        let bytes = value.len();
        if !self.table.fits(key, bytes) {
            let _ = self.table.end(key, guard);
            return PutVerdict::NotWritten;
        }
        self.table.put(key, TablePut { guard, fill_id, value, bytes, ttl, serves: ttl })
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
        Capabilities { shared: false, guards: true, ..Capabilities::new(usize::MAX, self.value_bytes_max) }
    }

    fn lookup<'a>(&'a self, asks: &'a [Ask<'a>]) -> StoreFuture<'a, Vec<Found>> {
        Box::pin(async move { asks.iter().map(|ask| self.find(ask)).collect() })
    }

    fn fill<'a>(&'a self, fill: Fill<'a>) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { self.store(fill) })
    }

    fn fill_many<'a>(&'a self, fills: Vec<Fill<'a>>) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(async move { fills.into_iter().map(|fill| self.store(fill)).collect() })
    }

    fn renew<'a>(&'a self, key: &'a [u8], lease: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.renew(key, lease)) })
    }

    fn touch<'a>(
        &'a self,
        key: &'a [u8],
        fill_id: Token,
        ttl_left: Duration,
    ) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.touch(key, fill_id, ttl_left, ttl_left)) })
    }

    fn release<'a>(&'a self, key: &'a [u8], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.release(key, token)) })
    }

    fn release_many<'a>(&'a self, leases: &'a [(&'a [u8], Token)]) -> StoreFuture<'a, Vec<Result<Verdict>>> {
        Box::pin(
            async move { leases.iter().map(|(key, token)| Ok(self.table.release(key, *token))).collect() },
        )
    }

    fn discard<'a>(&'a self, key: &'a [u8], fill_id: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(self.table.discard(key, fill_id)) })
    }

    fn invalidate<'a>(&'a self, keys: &'a [&'a [u8]]) -> StoreFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(keys.iter().filter(|key| self.table.invalidate(key)).count() as u64) })
    }

    /// Lists all in one page: they are in this process already, and no more than the limit.
    fn scan<'a>(&'a self, scan: Scan<'a>) -> StoreFuture<'a, Result<Page>> {
        Box::pin(async move { Ok(Page { keys: self.table.keys(scan.pattern), next: None }) })
    }

    fn begin_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut crowded = None;
            // All of them, whatever the first says: what can be guarded is.
            for key in keys {
                if self.table.begin(key, guard) == Begun::Crowded {
                    crowded = crowded.or(Some(key));
                }
            }
            match crowded {
                None => Ok(()),
                Some(key) => {
                    Err(Error::new(ErrorKind::Rejected, "memory begin guards", super::CROWDED).with_key(key))
                }
            }
        })
    }

    fn renew_guards<'a>(&'a self, keys: &'a [&'a [u8]], guard: Lease) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(all_stood(keys.iter().map(|key| self.table.renew_guard(key, guard)))) })
    }

    fn end_guards<'a>(&'a self, keys: &'a [&'a [u8]], token: Token) -> StoreFuture<'a, Result<Verdict>> {
        Box::pin(async move { Ok(all_stood(keys.iter().map(|key| self.table.end(key, token)))) })
    }

    fn put<'a>(&'a self, put: Put<'a>) -> StoreFuture<'a, Result<PutVerdict>> {
        Box::pin(async move { Ok(self.end_with(put)) })
    }

    fn close(&self, _deadline: Duration) -> StoreFuture<'_, bool> {
        Box::pin(async { true })
    }
}
