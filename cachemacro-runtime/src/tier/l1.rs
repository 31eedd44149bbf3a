//! The tier in this process: typed values, no encoding, no round trip.

mod tagged;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::codec::Typed;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Swept;
use crate::mutants::{self, Mutant};
use crate::protocol::era::Era;
use crate::protocol::slot::Begun;
use crate::shape::Shared;
use crate::site::Site;
use crate::store::memory::MemoryLimits;
use crate::store::memory::table::{Held, LeaseTable, Sighting as Slot, TableFill, TablePut, Witness};
use crate::store::{Lease, Pattern, Permit, PutVerdict, Token, Verdict};
use crate::tag::{self, Tag};
use crate::tier::hot::{Asked, Hot, Served, Stored, Take};
use crate::tier::rooms::Rooms;
use crate::tier::{Glimpse, Putting, Seen, Storing};
pub(super) use tagged::Tagged;

type Table = LeaseTable<Arc<Stored>, Arc<Hot>>;

/// What a value costs here beside its own bytes, its key, and its place in the table: what says whose it is, and the counts
/// and the allocations of that, of the second key, and of the value. With the table's part it is what was measured as resident for
/// a million entries.
const STORED_BYTES: usize = 192;

/// Typed values in this process, under the lease protocol.
#[derive(Debug)]
pub(crate) struct L1 {
    tables: Rooms<Table>,
    /// Of all rooms: a key says which it is in.
    pub(super) hot: Arc<Hot>,
    pub(super) clock: Clock,
    /// The number of the era: how often all was invalidated, plus one.
    era: AtomicU64,
}

/// What a lookup found.
pub(crate) enum L1Sighting {
    Hit(Seen),
    Lead,
    Busy,
    /// Writers are at work: nothing can be filled. Their value from before may be served.
    Guarded(Option<Seen>),
    /// A value of this fill, whose tags or whose era say that it may never be served again.
    Outdated(Token),
    Unreadable(Error),
}

impl L1 {
    /// Values within these limits, and within those of each function of `sites` that has a `memory` of its own.
    pub(crate) fn new(limits: MemoryLimits, sites: &[&'static Site], clock: Clock) -> Self {
        let (hot, bytes_max) = Hot::new(limits.bytes_max);
        let hot = Arc::new(hot);
        let table = |limits| Table::with_witness(limits, clock.clone(), Arc::clone(&hot));
        let common = table(MemoryLimits { bytes_max, ..limits });
        let own = |bytes_max| table(MemoryLimits { bytes_max, entries_max: u64::MAX });
        Self { tables: Rooms::new(common, sites, own), hot, clock, era: AtomicU64::new(1) }
    }

    /// Where a key is.
    #[inline]
    fn table(&self, key: &[u8]) -> &Table {
        self.tables.of(key)
    }

    /// Sets how many bytes the functions may take that have a `memory` of their own.
    pub(crate) fn resize(&self, bytes_max: impl Fn(&'static Site) -> Option<u64>) {
        self.tables.own().for_each(|(site, table)| {
            if let Some(bytes_max) = bytes_max(site) {
                table.resize(bytes_max);
            }
        });
    }

    /// What these arguments were answered with, if that is known without their key.
    #[inline(always)]
    pub(crate) fn get_asked(&self, asked: Asked) -> Option<Served<'_>> {
        self.hot.get_asked(asked, self.clock.now())
    }

    /// Serves the value, if it is there and of the type that is taken; it is found by the arguments from then on, if
    /// there are any.
    #[inline(always)]
    pub(crate) fn serve(&self, key: &[u8], asked: Option<Asked>, version: u64, take: Take<'_>) -> bool {
        let (hash, now) = (self.hot.hash(key), self.clock.now());
        self.hot.get(key, hash, version, now, take) || self.serve_anew((key, hash), asked, version, now, take)
    }

    /// The same from the table.
    #[inline(never)]
    fn serve_anew(
        &self,
        (key, hash): (&[u8], u64),
        asked: Option<Asked>,
        version: u64,
        now: Moment,
        take: Take<'_>,
    ) -> bool {
        let ticket = self.hot.ticket(hash);
        let Some(Held { value: stored, fill_id, serves_until, .. }) = self.table(key).get(key) else {
            return false;
        };
        if stored.version != version || !self.serves(fill_id) || !take(&*stored.value) {
            return false;
        }
        self.hot.keep(&stored, asked, ticket, now, serves_until);
        true
    }

    pub(crate) fn lookup(&self, key: &[u8], form: Typed, lease: Lease) -> L1Sighting {
        match self.table(key).lookup(key, Some(lease)) {
            Slot::Hit(held) if !self.serves(held.fill_id) => L1Sighting::Outdated(held.fill_id),
            Slot::Hit(held) => match self.seen(held, form) {
                Some(seen) => L1Sighting::Hit(seen),
                None => L1Sighting::Unreadable(other_type(key)),
            },
            Slot::Lead => L1Sighting::Lead,
            Slot::Guarded(held) => {
                L1Sighting::Guarded(self.served(held).and_then(|held| self.seen(held, form)))
            }
            Slot::Busy | Slot::Absent => L1Sighting::Busy,
        }
    }

    pub(crate) fn glimpse(&self, key: &[u8], form: Typed) -> Result<Option<Glimpse>> {
        let Some(held) = self.served(self.table(key).find(key)) else {
            return Ok(None);
        };
        let left = held.until.since(self.clock.now());
        let seen = self.seen(held, form).ok_or_else(|| other_type(key))?;
        Ok(Some(Glimpse::of(seen, left)))
    }

    /// The value, past its ttl or not, if it is there. Takes no lease.
    pub(crate) fn find(&self, key: &[u8], form: Typed) -> Option<Seen> {
        self.seen(self.served(self.table(key).find(key))?, form)
    }

    /// Sets the time left of a value that still stands.
    pub(crate) fn touch(&self, key: &[u8], seen: &Seen, left: Duration) {
        let serves = seen.stamp.fresh.saturating_sub(seen.age);
        let _ = self.table(key).touch(key, seen.fill_id, serves, left);
    }

    fn seen(&self, held: Held<Arc<Stored>>, form: Typed) -> Option<Seen> {
        let value = held.value.value(form)?;
        Some(self.seen_as(&held, value))
    }

    /// What is known of a value beside itself.
    fn seen_as(&self, held: &Held<Arc<Stored>>, value: Shared) -> Seen {
        let (age, stamp) = (self.clock.now().since(held.filled), held.value.stamp);
        Seen { value, fill_id: held.fill_id, age, stamp }
    }

    /// Stores a value, if its permit still stands.
    pub(crate) fn fill(&self, storing: Storing<'_>) -> Result<Verdict> {
        let Storing { key, form, permit, notes, value, life, .. } = storing;
        let bytes = self.weigh("memory fill", key, form, value)?;
        let stamp = life.stamp;
        let shared = match notes {
            None => Arc::clone(value),
            Some(notes) => Tagged::shared(value, notes),
        };
        let value = Stored::new(key, shared, form.version, stamp);
        // Here, so that no hit has to.
        self.hot.open();
        let (fill_id, ttl, serves) = (self.fill_id(permit.token()), life.kept, stamp.fresh);
        if !self.serves(permit.token()) && !mutants::is(Mutant::EraReadAfterLoad) {
            // Nobody would be served it.
            if let Permit::Lease(token) = permit {
                let _ = self.table(key).release(key, token);
            }
            return Ok(Verdict::Refused);
        }
        Ok(self.table(key).fill(key, TableFill { permit, fill_id, value, bytes, ttl, serves }))
    }

    pub(crate) fn renew(&self, key: &[u8], lease: Lease) {
        // A lease that is lost shows at the fill.
        let _ = self.table(key).renew(key, lease);
    }

    pub(crate) fn release(&self, key: &[u8], token: Token) -> Verdict {
        match self.table(key).release(key, token) {
            Verdict::Accepted => Verdict::from(self.serves(token)),
            refused => refused,
        }
    }

    /// A name for a lease, a guard or a fill: one of the era of now.
    pub(crate) fn token(&self) -> Token {
        self.era().name(Token::random())
    }

    /// A name for a fill by this permit.
    fn fill_id(&self, permit: Token) -> Token {
        let era = if mutants::is(Mutant::EraReadAfterLoad) { self.era() } else { Era::of(permit) };
        era.name(Token::random())
    }

    pub(crate) fn era(&self) -> Era {
        Era::from_bits(self.era.load(Ordering::Acquire))
    }

    /// Whether what is named so is of the era of now.
    #[inline]
    pub(crate) fn serves(&self, name: Token) -> bool {
        self.era().serves(name) || mutants::is(Mutant::EraNotAsked)
    }

    fn served(&self, held: Option<Held<Arc<Stored>>>) -> Option<Held<Arc<Stored>>> {
        held.filter(|held| self.serves(held.fill_id))
    }

    /// Invalidates all at once: what is stored, and what is being loaded.
    pub(crate) fn invalidate_all(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
        // After the era: what is found in the table from here on is of the new one.
        self.hot.ask_again();
    }

    /// Removes the values of earlier eras.
    pub(crate) fn reclaim(&self) -> Swept {
        let pattern = Pattern::new("*");
        let keys: Vec<_> = self.tables.all().flat_map(|table| table.keys(&pattern)).collect();
        let is_outdated = |key: &&Vec<u8>| match self.table(key).find(key) {
            Some(held) if Tag::of_key(key).is_none() && !self.serves(held.fill_id) => {
                self.table(key).discard(key, held.fill_id) == Verdict::Accepted
            }
            _ => false,
        };
        let removed = keys.iter().filter(is_outdated).count();
        Swept { keys: keys.len() as u64, removed: removed as u64, pages: 1 }
    }

    pub(crate) fn invalidate(&self, key: &[u8]) {
        // Before the tag, as everywhere.
        for epoch in tag::epochs([key]) {
            self.table(epoch.as_bytes()).invalidate(epoch.as_bytes());
        }
        self.table(key).invalidate(key);
    }

    /// Invalidates all keys that match.
    pub(crate) fn sweep(&self, pattern: &Pattern) -> Swept {
        let keys: Vec<_> = self.tables.all().flat_map(|table| table.keys(pattern)).collect();
        let removed = keys.iter().filter(|key| self.table(key).invalidate(key)).count();
        Swept { keys: keys.len() as u64, removed: removed as u64, pages: 1 }
    }

    /// Says that a mutation of these keys is under way; a mutation that loses a guard ends it all the same.
    pub(crate) fn begin(&self, keys: &[&[u8]], guard: Lease) -> Result<()> {
        let crowded = |key: &&&[u8]| self.table(key).begin(key, guard) == Begun::Crowded;
        match keys.iter().find(crowded) {
            None => Ok(()),
            Some(key) => {
                let detail = "too many writers guard it already; have them wait for each other";
                Err(Error::new(ErrorKind::Rejected, "memory begin guards", detail).with_key(key))
            }
        }
    }

    pub(crate) fn renew_guards(&self, keys: &[Arc<[u8]>], guard: Lease) {
        for key in keys {
            // A guard that is lost shows at its end.
            let _ = self.table(key).renew_guard(key, guard);
        }
    }

    pub(crate) fn end(&self, key: &[u8], token: Token) {
        for epoch in tag::epochs([key]) {
            let _ = self.table(epoch.as_bytes()).end(epoch.as_bytes(), token);
        }
        // The key is invalidated either way.
        let _ = self.table(key).end(key, token);
    }

    /// Ends a guard, and stores a value if it was the only one.
    pub(crate) fn put(&self, putting: Putting<'_>) -> Result<PutVerdict> {
        let Putting { key, form, guard, value, life, .. } = putting;
        let bytes = match self.weigh("memory put", key, form, value) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.end(key, guard);
                return Err(error);
            }
        };
        let stamp = life.stamp;
        let value = Stored::new(key, Arc::clone(value), form.version, stamp);
        self.hot.open();
        let (fill_id, ttl, serves) = (self.fill_id(guard), life.kept, stamp.fresh);
        Ok(self.table(key).put(key, TablePut { guard, fill_id, value, bytes, ttl, serves }))
    }

    fn weigh(&self, operation: &'static str, key: &[u8], form: Typed, value: &Shared) -> Result<usize> {
        // The key is here twice.
        let bytes = form.weigh(value) + key.len() + STORED_BYTES;
        if self.table(key).fits(key, bytes) {
            return Ok(bytes);
        }
        let detail = format!(
            "a value of about {bytes} bytes does not fit; raise the memory limit of the cache, or of the function"
        );
        Err(Error::new(ErrorKind::Unstorable, operation, detail).with_key(key))
    }

    /// Entries, and the bytes that they count for.
    pub(crate) fn size(&self) -> (u64, u64) {
        let sizes = self.tables.all().map(|table| (table.len() as u64, table.bytes()));
        sizes.fold((0, 0), |(entries, bytes), (more, their)| (entries + more, bytes + their))
    }
}

impl Witness<Arc<Stored>> for Arc<Hot> {
    fn gone(&self, key: &[u8]) {
        Hot::gone(self, key);
    }

    fn forget(&self, value: &Arc<Stored>) {
        Hot::forget(self, value);
    }

    fn filled(&self, share: u64) {
        Hot::filled(self, share);
    }
}

fn other_type(key: &[u8]) -> Error {
    Error::new(ErrorKind::Unreadable, "memory lookup", "it is a value of another type or version")
        .with_key(key)
}
