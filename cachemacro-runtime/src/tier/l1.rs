//! The tier in this process: typed values, no encoding, no round trip.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::codec::Reach;
use crate::error::{Error, ErrorKind, Result};
use crate::shape::{Local, Shared};
use crate::store::memory::MemoryLimits;
use crate::store::memory::table::{Held, LeaseTable, Sighting as Slot, TableFill};
use crate::store::{Lease, Token, Verdict};
use crate::tier::{Glimpse, Storing};

/// Typed values in this process, under the lease protocol.
#[derive(Debug)]
pub(crate) struct L1 {
    table: LeaseTable<Stored>,
    clock: Clock,
}

/// A value, and the version of its function.
#[derive(Clone)]
struct Stored {
    value: Shared,
    version: u32,
}

impl Stored {
    fn downcast<V: Local>(self, version: u32) -> Option<Arc<V>> {
        self.value.downcast().ok().filter(|_| self.version == version)
    }
}

/// What a lookup found.
pub(crate) enum L1Sighting<V> {
    Hit(Arc<V>),
    Lead,
    Busy,
    Unreadable(Error),
}

impl L1 {
    pub(crate) fn new(limits: MemoryLimits, clock: Clock) -> Self {
        Self { table: LeaseTable::new(limits, clock.clone()), clock }
    }

    /// A copy of the value, if it is there.
    #[inline]
    pub(crate) fn get<V: Local>(&self, key: &[u8], version: u32) -> Option<V> {
        let Stored { value, version: stored } = self.table.get(key)?.value;
        if stored == version { value.downcast_ref::<V>().cloned() } else { None }
    }

    pub(crate) fn lookup<V: Local>(&self, key: &[u8], version: u32, lease: Lease) -> L1Sighting<V> {
        match self.table.lookup(key, Some(lease)) {
            Slot::Hit(held) => match held.value.downcast(version) {
                Some(value) => L1Sighting::Hit(value),
                None => L1Sighting::Unreadable(other_type(key)),
            },
            Slot::Lead => L1Sighting::Lead,
            Slot::Busy | Slot::Absent => L1Sighting::Busy,
        }
    }

    pub(crate) fn glimpse<V: Local>(&self, key: &[u8], version: u32) -> Result<Option<Glimpse<V>>> {
        let Some(Held { value, fill_id, ttl, until, .. }) = self.table.get(key) else {
            return Ok(None);
        };
        let value = value.downcast(version).ok_or_else(|| other_type(key))?;
        let ttl_left = until.since(self.clock.now());
        Ok(Some(Glimpse { value, fill_id, age: ttl.saturating_sub(ttl_left), ttl_left }))
    }

    /// Stores a value, if its permit still stands.
    pub(crate) fn fill<V: Local, R: Reach<V>>(&self, storing: Storing<'_, V>) -> Result<Verdict> {
        let Storing { key, version, permit, value, ttl, .. } = storing;
        let bytes = R::weigh(value);
        if !self.table.fits(key, bytes) {
            let detail =
                format!("a value of about {bytes} bytes does not fit; raise the cache's memory limit");
            return Err(Error::new(ErrorKind::Unstorable, "memory fill", detail).with_key(key));
        }
        let value = Stored { value: Arc::clone(value) as Shared, version };
        Ok(self.table.fill(key, TableFill { permit, fill_id: Token::random(), value, bytes, ttl }))
    }

    pub(crate) fn renew(&self, key: &[u8], token: Token, ttl: Duration) {
        // A lease that is lost shows at the fill.
        let _ = self.table.renew(key, Lease { token, ttl });
    }

    pub(crate) fn release(&self, key: &[u8], token: Token) -> Verdict {
        self.table.release(key, token)
    }

    pub(crate) fn invalidate(&self, key: &[u8]) {
        self.table.invalidate(key);
    }

    /// Entries, and the bytes that they count for.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.table.len() as u64, self.table.bytes())
    }
}

fn other_type(key: &[u8]) -> Error {
    Error::new(ErrorKind::Unreadable, "memory lookup", "it is a value of another type or version")
        .with_key(key)
}
