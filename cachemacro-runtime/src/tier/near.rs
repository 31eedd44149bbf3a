//! Typed values in this process, in front of a store that tells of its changes.
//!
//! When one may be served is decided in [`protocol::coherence`](crate::protocol::coherence). A hit takes two
//! loads, a look into the map and no memory; it is under no lock but that of the map's shard.

mod entries;
mod link;
mod status;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::{Clock, Moment};
use crate::codec::Typed;
use crate::key::ERA_KEY;
use crate::mutants::{self, Mutant};
use crate::policy::Stamp;
use crate::protocol::coherence::{Link, Ticket};
use crate::shape::Shared;
use crate::site::Site;
use crate::store::memory::MemoryLimits;
use crate::store::memory::table::share_of;
use crate::store::{Entry, Pattern, Token, Watch, Watcher, minimal};
use crate::tag::Note;
use crate::tier::Seen;
use crate::tier::hot::{Asked, Hot, Served, Stored, Take};
use crate::tier::l1::Tagged;
use crate::tier::rooms::Rooms;
use entries::{Entries, Kept, entries, weight_of};
use link::{Telling, lock};

pub(super) use link::{Beat, is_refusal};
pub use status::Coherence;

/// Keys share a generation with those of their stripe: one that changes refuses what is on its way for
/// the others too.
const STRIPES: usize = 1024;

/// The clock is exact to the kernel's tick, 10 ms at the longest: what is said to be this old may be older.
const TICK: Duration = Duration::from_millis(10);

/// The shortest bound on staleness: four beats, each with its round trips, have to fit in.
pub(crate) const STALENESS_MIN: Duration = Duration::from_millis(50);

/// How many of a bound on staleness are the pauses between two signs of life.
const BEATS: u32 = 4;

/// The bounds of the near tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NearLimits {
    pub(crate) bytes_max: u64,
    /// How far it may be behind the store.
    pub(crate) staleness: Duration,
}

/// Values in front of a store.
pub(crate) struct Near {
    entries: Rooms<Entries>,
    /// Of all rooms.
    hot: Arc<Hot>,
    stripes: Box<[Stripe]>,
    prefixes: Vec<Box<[u8]>>,
    clock: Clock,
    staleness: Duration,
    bytes_max: u64,
    /// What readers need of the link, without a lock: the epoch, and when it was confirmed (plus one; 0 is never).
    epoch: AtomicU64,
    confirmed: AtomicU64,
    link: Mutex<Telling>,
}

/// A stripe of keys.
struct Stripe {
    generation: Mutex<u64>,
    /// Wakes who waits for a change of one of its keys.
    changed: Notify,
}

/// A value that a lookup has found.
pub(super) struct Keeping<'a> {
    pub(super) seen: &'a Seen,
    pub(super) version: u64,
    /// What it counts for.
    pub(super) bytes: usize,
    pub(super) entry: &'a Entry,
}

impl Default for NearLimits {
    fn default() -> Self {
        // What hot values take without a store, they may take in front of one.
        Self { bytes_max: MemoryLimits::default().bytes_max, staleness: Duration::from_secs(1) }
    }
}

impl Near {
    /// Keeps what is under keys that begin with one of `prefixes`, within these limits, and within those of each
    /// function of `sites` that has a `memory` of its own.
    pub(crate) fn new<'a>(
        limits: NearLimits,
        prefixes: impl IntoIterator<Item = &'a [u8]>,
        sites: &[&'static Site],
        clock: Clock,
    ) -> Self {
        let stripe = || Stripe { generation: Mutex::new(0), changed: Notify::new() };
        let (hot, bytes_max) = Hot::new(limits.bytes_max);
        let hot = Arc::new(hot);
        Self {
            entries: Rooms::new(entries(bytes_max, &hot), sites, |bytes_max| entries(bytes_max, &hot)),
            hot,
            stripes: std::iter::repeat_with(stripe).take(STRIPES).collect(),
            prefixes: minimal(prefixes),
            clock,
            staleness: limits.staleness.max(STALENESS_MIN) - TICK,
            bytes_max,
            epoch: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
            link: Mutex::new(Telling::NONE),
        }
    }

    /// Sets how many bytes the functions may take that have a `memory` of their own.
    pub(super) fn resize(&self, bytes_max: impl Fn(&'static Site) -> Option<u64>) {
        self.entries.own().for_each(|(site, entries)| {
            if let Some(bytes_max) = bytes_max(site) {
                entries.set_capacity(bytes_max);
            }
        });
    }

    /// What the store is to tell of.
    pub(super) fn watch(self: &Arc<Self>) -> Watch {
        let watcher = Arc::downgrade(self) as Weak<dyn Watcher>;
        Watch::new(self.prefixes.iter().map(|prefix| &**prefix), watcher)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How often the store has to give a sign of life.
    pub(super) fn every(&self) -> Duration {
        self.staleness / BEATS
    }

    /// What these arguments were answered with, if that is known without their key.
    #[inline(never)]
    pub(crate) fn get_asked(&self, asked: Asked) -> Option<Served<'_>> {
        // Before the look at what is kept.
        let link = self.known();
        let now = self.clock.now();
        if self.is_told(link, link.epoch, now) { self.hot.get_asked(asked, now) } else { None }
    }

    /// Serves the value under a key, if it is there and may be served; it is found by the arguments from then on, if there
    /// are any.
    #[inline(never)]
    pub(crate) fn serve(&self, key: &[u8], asked: Option<Asked>, version: u64, take: Take<'_>) -> bool {
        let link = self.known();
        let (now, hash) = (self.clock.now(), self.hot.hash(key));
        if self.is_told(link, link.epoch, now) && self.hot.get(key, hash, version, now, take) {
            return true;
        }
        let ticket = self.hot.ticket(hash);
        let Some(kept) = self.served(key, version) else { return false };
        if !take(&*kept.stored.value) {
            return false;
        }
        self.hot.keep(&kept.stored, asked, ticket, now, kept.until);
        true
    }

    /// The same with what is known of its time. It may be taken for older than it is, and never for younger.
    pub(crate) fn find(&self, key: &[u8], form: Typed) -> Option<Seen> {
        let kept = self.served(key, form.version)?;
        Some(self.seen(&kept, kept.stored.value(form)?))
    }

    /// The same of a value that is kept with the versions of its tags.
    pub(super) fn find_tagged(&self, key: &[u8], form: Typed) -> Option<(Seen, Arc<[Note]>)> {
        let kept = self.served(key, form.version)?;
        let (value, notes) = Tagged::of(&kept.stored, form)?;
        Some((self.seen(&kept, value), notes))
    }

    /// The fill of what is kept under a key, of whatever type it is.
    pub(super) fn find_fill(&self, key: &[u8], version: u64) -> Option<Token> {
        self.served(key, version).map(|kept| kept.fill_id)
    }

    fn seen(&self, kept: &Kept, value: Shared) -> Seen {
        let Kept { stored, fill_id, serves, until, .. } = kept;
        let age = serves.saturating_sub(until.since(self.clock.now()));
        Seen { value, fill_id: *fill_id, age, stamp: stored.stamp }
    }

    /// Whether a value under a key would be served.
    pub(super) fn holds(&self, key: &[u8], version: u64) -> bool {
        self.served(key, version).is_some()
    }

    #[inline]
    fn served(&self, key: &[u8], version: u64) -> Option<Kept> {
        // Before the look into the map, and the confirmation before the epoch.
        let link = self.known();
        let now = self.clock.now();
        let kept = self.entries.of(key).get(key)?;
        let is_served =
            kept.until > now && kept.stored.version == version && self.is_told(link, kept.epoch, now);
        is_served.then_some(kept)
    }

    /// Whether all was told that what was kept in an epoch is to be told.
    #[inline(always)]
    fn is_told(&self, link: Link<Moment>, epoch: u64, now: Moment) -> bool {
        link.serves(epoch, now.earlier(self.staleness))
            || mutants::is(Mutant::NeverUnconfirmed) && epoch == link.epoch
    }

    /// The right to keep what a lookup finds that is sent from now on; none if the key is not watched.
    pub(crate) fn ticket(&self, key: &[u8]) -> Option<Ticket> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let is_watched = self.prefixes.iter().any(|prefix| key.starts_with(prefix));
        is_watched.then(|| Ticket { epoch, generation: *lock(&self.stripe(key).generation) })
    }

    /// Keeps what a lookup has found, if its ticket still stands; no longer than to the end of its ttl.
    pub(super) fn keep(&self, key: &[u8], ticket: Ticket, keeping: Keeping<'_>) {
        let Keeping { seen, version, bytes, entry } = keeping;
        let (fill_id, stamp, serves) = (seen.fill_id, seen.stamp, seen.stamp.fresh.min(entry.ttl));
        let Some(until) = self.until(entry, serves) else { return };
        let stored = Stored::new(key, Arc::clone(&seen.value), version, stamp);
        let (epoch, bytes) = (ticket.epoch, bytes as u64);
        let mut kept = Kept { stored, epoch, fill_id, serves, until, bytes };
        let entries = self.entries.of(key);
        // quick_cache admits what fits into the hot part (97 %) of one shard.
        if weight_of(key, &kept) > entries.shard_capacity() / 100 * 96 {
            return;
        }
        let generation = lock(&self.stripe(key).generation);
        let mut now = Ticket { epoch: self.epoch.load(Ordering::Acquire), generation: *generation };
        if mutants::is(Mutant::TicketWithoutEpoch) {
            (kept.epoch, now.epoch) = (now.epoch, ticket.epoch);
        }
        if mutants::is(Mutant::NoStripeTicket) {
            now.generation = ticket.generation;
        }
        // Here, so that no hit has to.
        self.hot.open();
        if ticket.stands(now.epoch, now.generation) {
            let share = share_of(weight_of(key, &kept), self.bytes_max);
            entries.insert(key.into(), kept);
            self.hot.gone(key);
            self.hot.filled(share);
        }
    }

    /// Keeps what a body has returned, which is wrong.
    pub(super) fn keep_body(&self, key: &[u8], value: &Shared, version: u64, stamp: Stamp) {
        let stored = Stored::new(key, Arc::clone(value), version, stamp);
        let (serves, epoch) = (stamp.fresh, self.epoch.load(Ordering::Acquire));
        let (fill_id, until) = (Token::random(), self.clock.now() + serves);
        let kept = Kept { stored, epoch, fill_id, serves, until, bytes: 0 };
        self.entries.of(key).insert(key.into(), kept);
        self.hot.gone(key);
    }

    /// When an entry of the store is over, by the clock of this process, that serves for so long; never later
    /// than by the store's.
    fn until(&self, entry: &Entry, serves: Duration) -> Option<Moment> {
        let Beat { sent_at, store_time } = lock(&self.link).beat?;
        // The store's time was read after the beat was sent, so that this is at most what is left since then.
        let left = (entry.filled_at? + serves).checked_sub(store_time)?;
        Some(sent_at + left)
    }

    /// Drops a key that is invalidated in this process.
    pub(super) fn invalidate(&self, key: &[u8]) {
        if key == ERA_KEY {
            self.changed(key);
        } else if mutants::is(Mutant::LocalNotNoted) {
            self.take(key);
        } else {
            self.remove(key);
        }
    }

    /// Drops what matches and is invalidated in this process, and all that is on its way.
    ///
    /// A key may be here that the store has just lost, and which nobody there finds any more.
    pub(super) fn sweep(&self, pattern: &Pattern) {
        for stripe in &self.stripes {
            *lock(&stripe.generation) += 1;
        }
        self.entries.all().for_each(|entries| entries.retain(|key, _| !pattern.matches(key)));
        self.hot.clear();
    }

    /// Drops a key, and all that is on its way for it.
    fn remove(&self, key: &[u8]) {
        let stripe = self.stripe(key);
        let mut generation = lock(&stripe.generation);
        *generation += 1;
        self.take(key);
        drop(generation);
        stripe.changed.notify_waiters();
    }

    /// Takes a value from under its key.
    fn take(&self, key: &[u8]) {
        let taken = self.entries.of(key).remove(key);
        // After that: who finds it in the map has asked for a ticket before.
        self.hot.gone(key);
        if let Some((_, kept)) = taken {
            self.hot.forget(&kept.stored);
        }
    }

    /// Is over when the key has changed since this was called, or another of its stripe has.
    pub(crate) fn change(&self, key: &[u8]) -> Notified<'_> {
        self.stripe(key).changed.notified()
    }

    fn stripe(&self, key: &[u8]) -> &Stripe {
        // The remainder is less than the number of stripes, so nothing is cut off.
        &self.stripes[(xxhash_rust::xxh3::xxh3_64(key) % STRIPES as u64) as usize]
    }
}

impl Watcher for Near {
    fn changed(&self, key: &[u8]) {
        match key == ERA_KEY {
            // Of all that is kept, nothing says which era it is of.
            true if !mutants::is(Mutant::EraKeptNear) => self.flushed(),
            _ => self.remove(key),
        }
    }

    fn flushed(&self) {
        self.change_link(|telling| telling.link = telling.link.flush());
    }
}

impl fmt::Debug for Near {
    /// Values are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("staleness", &self.staleness).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
