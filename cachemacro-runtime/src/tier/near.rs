//! Typed values in this process, in front of a store that tells of its changes.
//!
//! When one may be served is decided in [`protocol::coherence`](crate::protocol::coherence). A hit takes two
//! loads, a look into the map and no memory; it is under no lock but that of the map's shard.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::{Clock, Moment};
use crate::error::{Error, ErrorKind};
use crate::key::ERA_KEY;
use crate::mutants::{self, Mutant};
use crate::policy::Stamp;
use crate::protocol::coherence::{Link, Ticket};
use crate::shape::{Local, Shared};
use crate::site::Site;
use crate::store::memory::MemoryLimits;
use crate::store::memory::table::shards;
use crate::store::{Entry, Pattern, Token, Watch, Watcher, minimal};
use crate::tier::Seen;
use crate::tier::rooms::Rooms;

/// Keys share a generation with those of their stripe: one that changes refuses what is on its way for
/// the others too.
const STRIPES: usize = 1024;

/// What an entry costs beside its key and its value; see `SLOT_OVERHEAD_BYTES` of the lease table.
const OVERHEAD_BYTES: u64 = 128;

/// The average weight that the number of shards is planned for.
const EXPECTED_ENTRY_BYTES: u64 = 1024;

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

/// A sign of life of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    /// All that changed before this moment was told.
    pub(super) sent_at: Moment,
    /// The store's own time, read after `sent_at`.
    pub(super) store_time: Duration,
}

/// Values in front of a store.
pub(crate) struct Near {
    entries: Rooms<Entries>,
    stripes: Box<[Stripe]>,
    prefixes: Vec<Box<[u8]>>,
    clock: Clock,
    staleness: Duration,
    /// What readers need of the link, without a lock: the epoch, and when it was confirmed (plus one; 0 is never).
    epoch: AtomicU64,
    confirmed: AtomicU64,
    link: Mutex<Telling>,
}

/// Values under their keys.
type Entries = Cache<Box<[u8]>, Kept, KeptWeigher>;

/// A stripe of keys.
struct Stripe {
    generation: Mutex<u64>,
    /// Wakes who waits for a change of one of its keys.
    changed: Notify,
}

/// All that is known of the link, for those who change it and those who look at it seldom.
struct Telling {
    link: Link<Moment>,
    since: Option<Moment>,
    beat: Option<Beat>,
    why_closed: Option<Error>,
    tells_all: bool,
    has_warned: bool,
}

/// A value, and when and for whom it may be served.
#[derive(Clone)]
struct Kept {
    value: Shared,
    version: u64,
    epoch: u64,
    fill_id: Token,
    stamp: Stamp,
    /// How long it is served from its fill on, and until when.
    serves: Duration,
    until: Moment,
    bytes: u64,
}

/// A value that a lookup has found.
pub(super) struct Keeping<'a, V> {
    pub(super) seen: &'a Seen<V>,
    pub(super) version: u64,
    /// What it counts for.
    pub(super) bytes: usize,
    pub(super) entry: &'a Entry,
}

/// How the near tier is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coherence {
    /// How long all changes have been told without a break; `None` if they are not, and all is asked of the
    /// store.
    pub coherent_for: Option<Duration>,
    /// How long ago the store last confirmed that it had told of all changes. Past the bound on staleness, all
    /// is asked of the store.
    pub confirmed_ago: Option<Duration>,
    /// How many times what is kept was dropped, as changes were not told for a moment, or all had changed.
    pub epoch: u64,
    /// The entries, those that are not served any more included.
    pub entries: u64,
    /// The bytes that they count for.
    pub bytes: u64,
    /// Why changes are not told, if they are not.
    pub why_not: Option<String>,
    /// Whether all changes are told, whoever makes them. Otherwise the server refuses that, and is told itself by those
    /// who invalidate, by this library: what other programs write and what is flushed lives on here until its ttl.
    pub tells_all: bool,
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
        let link = Telling {
            link: Link::CLOSED,
            since: None,
            beat: None,
            why_closed: None,
            tells_all: true,
            has_warned: false,
        };
        Self {
            entries: Rooms::new(entries(limits.bytes_max), sites, entries),
            stripes: std::iter::repeat_with(stripe).take(STRIPES).collect(),
            prefixes: minimal(prefixes),
            clock,
            staleness: limits.staleness.max(STALENESS_MIN) - TICK,
            epoch: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
            link: Mutex::new(link),
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

    /// The value under a key, if it is there and may be served.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], version: u64) -> Option<Shared> {
        self.served(key, version).map(|kept| kept.value)
    }

    /// The same with what is known of its time. It may be taken for older than it is, and never for younger.
    pub(crate) fn find<V: Local>(&self, key: &[u8], version: u64) -> Option<Seen<V>> {
        let Kept { value, fill_id, stamp, serves, until, .. } = self.served(key, version)?;
        let age = serves.saturating_sub(until.since(self.clock.now()));
        Some(Seen { value: value.downcast().ok()?, fill_id, age, stamp })
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
        let is_served = kept.until > now
            && kept.version == version
            && link.serves(kept.epoch, now.earlier(self.staleness))
            || mutants::is(Mutant::NeverUnconfirmed) && kept.until > now && kept.epoch == link.epoch;
        is_served.then_some(kept)
    }

    /// The right to keep what a lookup finds that is sent from now on; none if the key is not watched.
    pub(crate) fn ticket(&self, key: &[u8]) -> Option<Ticket> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let is_watched = self.prefixes.iter().any(|prefix| key.starts_with(prefix));
        is_watched.then(|| Ticket { epoch, generation: *lock(&self.stripe(key).generation) })
    }

    /// Keeps what a lookup has found, if its ticket still stands; no longer than to the end of its ttl.
    pub(super) fn keep<V: Local>(&self, key: &[u8], ticket: Ticket, keeping: Keeping<'_, V>) {
        let Keeping { seen, version, bytes, entry } = keeping;
        let (fill_id, stamp, serves) = (seen.fill_id, seen.stamp, seen.stamp.fresh.min(entry.ttl));
        let Some(until) = self.until(entry, serves) else { return };
        let (value, epoch, bytes) = (Arc::clone(&seen.value) as Shared, ticket.epoch, bytes as u64);
        let mut kept = Kept { value, version, epoch, fill_id, stamp, serves, until, bytes };
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
        if ticket.stands(now.epoch, now.generation) {
            entries.insert(key.into(), kept);
        }
    }

    /// Keeps what a body has returned, which is wrong.
    pub(super) fn keep_body<V: Local>(&self, key: &[u8], value: &Arc<V>, version: u64, stamp: Stamp) {
        let value = Arc::clone(value) as Shared;
        let (serves, epoch) = (stamp.fresh, self.epoch.load(Ordering::Acquire));
        let (fill_id, until) = (Token::random(), self.clock.now() + serves);
        let kept = Kept { value, version, epoch, fill_id, stamp, serves, until, bytes: 0 };
        self.entries.of(key).insert(key.into(), kept);
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
            self.entries.of(key).remove(key);
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
    }

    /// Drops a key, and all that is on its way for it.
    fn remove(&self, key: &[u8]) {
        let stripe = self.stripe(key);
        let mut generation = lock(&stripe.generation);
        *generation += 1;
        self.entries.of(key).remove(key);
        drop(generation);
        stripe.changed.notify_waiters();
    }

    /// Is over when the key has changed since this was called, or another of its stripe has.
    pub(crate) fn change(&self, key: &[u8]) -> Notified<'_> {
        self.stripe(key).changed.notified()
    }

    pub(crate) fn status(&self) -> Coherence {
        let Telling { link, since, why_closed, tells_all, .. } = &*lock(&self.link);
        let now = self.clock.now();
        let confirmed = link.confirmed.filter(|_| link.serves(link.epoch, now.earlier(self.staleness)));
        let why_not = match (confirmed, why_closed) {
            (Some(_), _) => None,
            (None, Some(error)) => Some(error.to_string()),
            (None, None) => {
                Some("the store has not confirmed in time that it told of all changes".to_owned())
            }
        };
        Coherence {
            coherent_for: confirmed.and(*since).map(|since| now.since(since)),
            confirmed_ago: link.confirmed.map(|confirmed| now.since(confirmed)),
            epoch: link.epoch,
            entries: self.entries.all().map(|entries| entries.len() as u64).sum(),
            bytes: self.entries.all().map(Cache::weight).sum(),
            why_not,
            tells_all: *tells_all,
        }
    }

    /// What readers know of the link.
    #[inline]
    fn known(&self) -> Link<Moment> {
        let confirmed = self.confirmed.load(Ordering::Acquire).checked_sub(1).map(Moment::from_nanos);
        Link { epoch: self.epoch.load(Ordering::Acquire), confirmed }
    }

    /// Changes the link, and lets readers know.
    fn change_link(&self, change: impl FnOnce(&mut Telling)) {
        let mut telling = lock(&self.link);
        let before = telling.link.epoch;
        change(&mut telling);
        let Link { epoch, confirmed } = telling.link;
        if confirmed.is_none() {
            self.confirmed.store(0, Ordering::Release);
        }
        self.epoch.store(epoch, Ordering::Release);
        if let Some(confirmed) = confirmed {
            self.confirmed.store(confirmed.nanos() + 1, Ordering::Release);
        }
        drop(telling);
        if epoch != before {
            // Nobody is served it any more; it only takes room.
            self.entries.all().for_each(Cache::clear);
            self.stripes.iter().for_each(|stripe| stripe.changed.notify_waiters());
        }
    }

    fn stripe(&self, key: &[u8]) -> &Stripe {
        // The remainder is less than the number of stripes, so nothing is cut off.
        &self.stripes[(xxhash_rust::xxh3::xxh3_64(key) % STRIPES as u64) as usize]
    }
}

impl Near {
    /// All changes are told from now on.
    pub(super) fn opened(&self, tells_all: bool) {
        let now = self.clock.now();
        self.change_link(|telling| {
            if !mutants::is(Mutant::EpochKept) {
                telling.link = telling.link.open();
            }
            (telling.since, telling.beat, telling.why_closed) = (Some(now), None, None);
            telling.tells_all = tells_all;
            if !tells_all && !telling.has_warned {
                telling.has_warned = true;
                let detail = "the store refuses to tell of all changes, so that it tells of invalidations alone: what \
                              other programs write is served from this process until its ttl";
                crate::trace::warn_once(&Error::new(ErrorKind::Rejected, "near tier", detail));
            }
        });
    }

    /// All changes up to a moment were told.
    pub(super) fn confirmed(&self, beat: Beat) {
        self.change_link(|telling| {
            telling.link = telling.link.confirm(beat.sent_at);
            telling.beat = Some(beat);
        });
    }

    /// Changes are not told any more, or could not be from the start.
    pub(super) fn closed(&self, why: Error) {
        self.change_link(|telling| {
            telling.link = match mutants::is(Mutant::EpochKept) {
                true => Link { confirmed: None, ..telling.link },
                false => telling.link.close(),
            };
            (telling.since, telling.beat) = (None, None);
            if is_refusal(&why) && !telling.has_warned {
                telling.has_warned = true;
                let detail = format!(
                    "the store does not tell of its changes, so that nothing is kept in front of it: {why}"
                );
                crate::trace::warn_once(&Error::new(ErrorKind::Rejected, "near tier", detail));
            }
            telling.why_closed = Some(why);
        });
    }
}

/// Whether the store will not tell of changes as it is set up.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Config)
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

impl fmt::Display for Coherence {
    /// `4 entries, about 1 KiB; coherent for 12.3 s, confirmed 0.2 s ago, epoch 1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, about {} KiB; ", self.entries, self.bytes.div_ceil(1024))?;
        match (&self.coherent_for, &self.why_not) {
            (Some(coherent_for), _) => write!(f, "coherent for {:.1} s", coherent_for.as_secs_f64())?,
            (None, Some(why)) => write!(f, "nothing is served from it: {why}")?,
            (None, None) => f.write_str("nothing is served from it")?,
        }
        if let Some(ago) = &self.confirmed_ago {
            write!(f, ", confirmed {:.1} s ago", ago.as_secs_f64())?;
        }
        write!(f, ", epoch {}", self.epoch)?;
        if self.tells_all { Ok(()) } else { f.write_str(", told of invalidations alone") }
    }
}

/// Room for so many bytes.
fn entries(bytes_max: u64) -> Entries {
    let expected = usize::try_from(bytes_max / EXPECTED_ENTRY_BYTES).unwrap_or(usize::MAX).max(1);
    let options = OptionsBuilder::new()
        .weight_capacity(bytes_max.max(1))
        .estimated_items_capacity(expected)
        .shards(shards(bytes_max))
        .build()
        .expect("the two settings that have no default are set");
    Cache::with_options(options, KeptWeigher, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

/// Weighs an entry in bytes.
#[derive(Clone)]
struct KeptWeigher;

impl Weighter<Box<[u8]>, Kept> for KeptWeigher {
    fn weight(&self, key: &Box<[u8]>, kept: &Kept) -> u64 {
        weight_of(key, kept)
    }
}

fn weight_of(key: &[u8], kept: &Kept) -> u64 {
    key.len() as u64 + kept.bytes + OVERHEAD_BYTES
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
