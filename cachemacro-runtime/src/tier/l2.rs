//! The shared tier: a store of bytes, and the codec in front of it.

mod eras;
mod gathered;
mod many;
mod many_tags;
mod near_tags;
mod releases;
mod tagged;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::codec::{self, AnyCodec, Typed};
use crate::error::{Error, ErrorKind, Result};
use crate::gate::Gate;
use crate::journal::{Doomed, GuardEnd, Journal, JournalLimits, OnDelivered, Progress, Swept};
use crate::mutants::{self, Mutant};
use crate::policy::{Life, Stamp};
use crate::protocol::coherence::Ticket;
use crate::shape::Shared;
use crate::store::{
    Ask, Entry, Fill, Found, Lease, Pattern, Put, PutVerdict, RawEntry, Store, Token, Verdict,
};
use crate::tag;
use crate::task::Tasks;
use crate::tier::gather::Gatherers;
use crate::tier::near::{Keeping, Near};
use crate::tier::{Glimpse, HeldUntil, Putting, Seen, Storing, link};
use eras::{Eras, Told};
use releases::Releases;

pub(crate) use gathered::Gathering;

/// A store, its codec, and the invalidations it has not yet taken.
pub(crate) struct L2 {
    gate: Arc<Gate>,
    /// Lookups that are under way, for those who come meanwhile.
    gatherers: Arc<Gatherers>,
    codec: AnyCodec,
    journal: Arc<Journal>,
    tasks: Tasks,
    /// Leases that nobody waits for any more.
    releases: Arc<Releases>,
    /// What is kept in front of the store.
    near: Option<Arc<Near>>,
    /// Those of its namespace, if it has one.
    eras: Option<Eras>,
}

/// What a lookup found.
pub(crate) enum L2Sighting {
    Hit(Seen),
    Lead,
    Busy,
    /// Writers are at work: nothing can be filled. Their value from before may be served.
    Guarded(Option<Seen>),
    /// A value of this fill, whose tags or whose era say that it may never be served again.
    Outdated(Token),
    /// The lease was of an era that is over, and is given up. The one of now is known.
    Moved,
    Unfillable,
    Unreadable(Error),
    Failed(Error),
}

impl L2 {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        codec: AnyCodec,
        tasks: Tasks,
        limits: JournalLimits,
        on_delivered: Arc<OnDelivered>,
        near: Option<Arc<Near>>,
        has_eras: bool,
    ) -> Self {
        let gate = Arc::new(Gate::new(store));
        let journal = Arc::new(Journal::new(Arc::clone(&gate), tasks.clone(), limits, on_delivered));
        journal.replay_on_reconnects();
        if let Some(near) = &near {
            tasks.spawn_until_closed(link::keep_up(Arc::clone(gate.store()), Arc::downgrade(near)));
        }
        let gatherers = Arc::new(Gatherers::new(Arc::clone(&gate), tasks.clone()));
        let (releases, eras) = (Arc::default(), has_eras.then(Eras::default));
        Self { gate, gatherers, codec, journal, tasks, releases, near, eras }
    }

    pub(crate) async fn lookup(&self, key: &[u8], form: &Typed, lease: Lease) -> L2Sighting {
        if let Err(error) = self.admits(key) {
            return L2Sighting::Failed(error);
        }
        // Before the lookup is sent: what changes from here on is told, and refuses it.
        let ticket = self.near.as_ref().and_then(|near| near.ticket(key));
        let (found, told) = self.find(key, Some(lease)).await;
        match found {
            Found::Hit(entry) if !told.serves(entry.fill_id) => outdated(told, entry.fill_id),
            Found::Hit(entry) => match form.open(self.codec, &entry.payload) {
                // An invalidation here, not yet delivered there, may have come while the lookup was under way.
                Ok(_) if self.journal.holds(key) => L2Sighting::Failed(quarantined(key)),
                Ok(value) => {
                    let seen = Seen::of(&entry, codec::stamp(&entry.payload), value);
                    self.keep(key, ticket, *form, &seen, &entry);
                    L2Sighting::Hit(seen)
                }
                Err(error) => L2Sighting::Unreadable(error.with_key(key)),
            },
            // By itself, as a hit does not come to it.
            Found::Lead => Box::pin(self.lead(key, lease.token, told)).await,
            Found::Busy => L2Sighting::Busy,
            Found::Guarded(entry) => {
                let entry = entry.filter(|entry| told.serves(entry.fill_id));
                let carried = mutants::is(Mutant::CarriedValueKeptNear).then(|| entry.clone()).flatten();
                let value = self.carried(key, *form, entry);
                if let (Some(entry), Some(value)) = (carried, &value) {
                    self.keep(key, ticket, *form, value, &entry);
                }
                L2Sighting::Guarded(value)
            }
            Found::Absent => L2Sighting::Unfillable,
            Found::Foreign => L2Sighting::Unreadable(foreign(key)),
            Found::OtherKind => L2Sighting::Failed(other_kind(key)),
            Found::Failed(error) => L2Sighting::Failed(error),
        }
    }

    /// What it means that a lease was granted: none of an era that is over is of any use.
    async fn lead(&self, key: &[u8], token: Token, told: Told) -> L2Sighting {
        match told {
            Told::Unknown(error) => L2Sighting::Failed(error.with_key(key)),
            told if told.serves(token) => L2Sighting::Lead,
            _ => match self.store().release(key, token).await {
                Ok(_) => L2Sighting::Moved,
                Err(error) => L2Sighting::Failed(error),
            },
        }
    }

    /// Keeps what a lookup has found in this process.
    fn keep(&self, key: &[u8], ticket: Option<Ticket>, form: Typed, seen: &Seen, entry: &Entry) {
        if let (Some(near), Some(ticket)) = (&self.near, ticket) {
            let (version, bytes) = (form.version, form.weigh(&seen.value));
            near.keep(key, ticket, Keeping { seen, version, bytes, entry });
        }
    }

    pub(crate) async fn glimpse(&self, key: &[u8], form: Typed) -> Result<Option<Glimpse>> {
        if form.is_raw() {
            return self.read_raw(key, form).await;
        }
        self.admits(key)?;
        let (found, told) = self.find(key, None).await;
        match found {
            Found::Hit(entry) if !told.serves(entry.fill_id) => Ok(None),
            Found::Hit(entry) => {
                let value = form.open(self.codec, &entry.payload).map_err(|error| error.with_key(key))?;
                let seen = Seen::of(&entry, codec::stamp(&entry.payload), value);
                Ok(Some(Glimpse::of(seen, entry.ttl_left.unwrap_or_default())))
            }
            // A refresh is not to replace what writers are at work on.
            Found::Lead | Found::Busy | Found::Absent | Found::Guarded(_) => Ok(None),
            Found::Foreign => Err(foreign(key)),
            Found::OtherKind => Err(other_kind(key)),
            Found::Failed(error) => Err(error),
        }
    }

    /// What another program may have written: nobody says when, and there is no fill to be named.
    pub(crate) async fn read_raw(&self, key: &[u8], form: Typed) -> Result<Option<Glimpse>> {
        self.admits(key)?;
        let Some(raw) = self.gate.ask("lookup", self.store().read_raw(key)).await? else {
            return Ok(None);
        };
        let value = form.open(self.codec, &raw.payload).map_err(|error| error.with_key(key))?;
        // An invalidation here, not yet delivered there, may have come while the lookup was under way.
        self.admits(key)?;
        let ttl_left = raw.ttl.unwrap_or(Duration::MAX);
        let stamp = Stamp { fresh: ttl_left, cost: Duration::ZERO };
        let (fill_id, age) = (Token::random(), Duration::ZERO);
        Ok(Some(Glimpse { value, fill_id, age, stamp, ttl_left }))
    }

    /// Stores a value as it stands, whatever is there. Nobody tells that it is past its ttl, so it goes then.
    pub(crate) async fn write_raw(&self, key: &[u8], form: Typed, value: &Shared, life: Life) -> Result<()> {
        self.admits(key)?;
        let payload = form.seal(self.codec, life.stamp, value).map_err(|error| error.with_key(key))?;
        let raw = RawEntry { payload, ttl: Some(life.kept.min(life.stamp.fresh)) };
        self.gate.ask("fill", self.store().write_raw(key, raw)).await
    }

    /// Stores a value, if its permit still stands.
    pub(crate) async fn fill(&self, storing: Storing<'_>) -> Result<Verdict> {
        let Storing { key, form, mark, value, life, .. } = storing;
        let fill = self.sealed(&storing)?;
        // Whoever asked for a refresh does not get the value from before it.
        let doomed = [Doomed { key, site: None }];
        let _near = (!mutants::is(Mutant::BodyKeptNear)).then(|| self.forgotten(&doomed));
        if mutants::is(Mutant::BodyKeptNear)
            && let Some(near) = &self.near
        {
            near.keep_body(key, value, form.version, life.stamp);
        }
        let verdict = self.gate.ask("fill", self.store().fill(fill)).await?;
        Ok(self.confirm(verdict, mark))
    }

    /// A value as it is stored, where it may be.
    fn sealed<'a>(&self, storing: &Storing<'a>) -> Result<Fill<'a>> {
        let Storing { key, form, permit, notes, value, life, .. } = *storing;
        self.admits(key)?;
        let payload = form.seal(self.codec, life.stamp, value).map_err(|error| error.with_key(key))?;
        let payload = match notes {
            None => payload,
            Some(notes) => tag::headed(notes, payload),
        };
        Ok(Fill { key, permit, fill_id: self.fill_id(permit.token()), payload, ttl: life.kept })
    }

    pub(crate) async fn release(&self, key: &[u8], token: Token, mark: u64) -> Result<Verdict> {
        let verdict = self.gate.ask("release", self.store().release(key, token)).await?;
        Ok(self.confirm(verdict, mark))
    }

    /// The store's verdict, unless it may not have known of an invalidation that waited here meanwhile.
    fn confirm(&self, verdict: Verdict, mark: u64) -> Verdict {
        if self.journal.mark() == mark || mutants::is(Mutant::MarkNotConfirmed) {
            verdict
        } else {
            Verdict::Refused
        }
    }

    /// Renews a lease without waiting for the answer, which `held` is told.
    pub(crate) fn renew_later(&self, key: Arc<[u8]>, lease: Lease, held: HeldUntil) {
        let store = Arc::clone(self.gate.store());
        self.tasks.spawn(async move {
            let sent_at = Instant::now();
            match store.renew(&key, lease).await {
                Ok(Verdict::Accepted) => held.set(sent_at + lease.ttl),
                Ok(Verdict::Refused) => held.set(sent_at),
                Err(_) => {}
            }
        });
    }

    /// Sets the time left of a value without waiting for the answer: if it is lost, the next hit does.
    pub(crate) fn touch_later(&self, key: Arc<[u8]>, fill_id: Token, left: Duration) {
        let store = Arc::clone(self.gate.store());
        self.tasks.spawn(async move {
            let _ = store.touch(&key, fill_id, left).await;
        });
    }

    /// Says that a mutation of these keys is under way.
    pub(crate) async fn begin(&self, keys: &[&[u8]], guard: Lease) -> Result<()> {
        keys.iter().try_for_each(|key| self.fits("begin of a guard", key))?;
        // Who only writes has to know of the era too, or what it puts is never served.
        let begin = self.gate.ask("begin of a guard", self.store().begin_guards(keys, guard));
        tokio::join!(begin, self.ask_era()).0
    }

    /// Renews guards without waiting for the answer: one that is lost shows at its end.
    pub(crate) fn renew_guards_later(&self, keys: Arc<[Arc<[u8]>]>, guard: Lease) {
        let store = Arc::clone(self.gate.store());
        self.tasks.spawn(async move {
            let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
            let _ = store.renew_guards(&keys, guard).await;
        });
    }

    /// Ends a guard, and stores a value if it was the only one. Whatever comes of it, the key is
    /// invalidated; what the store does not take now is kept, and delivered when it does.
    pub(crate) async fn put(&self, putting: Putting<'_>) -> Result<PutVerdict> {
        let Putting { key, site, form, guard, value, life } = putting;
        let doomed = [Doomed { key, site }];
        let _near = self.forgotten(&doomed);
        let end = Some(GuardEnd { token: guard, is_certain: true });
        let payload = match form.seal(self.codec, life.stamp, value) {
            Ok(payload) if !self.journal.holds(key) => payload,
            Ok(_) => {
                self.journal.deliver(&doomed, end).await?;
                return Ok(PutVerdict::NotWritten);
            }
            Err(error) => {
                self.journal.deliver(&doomed, end).await?;
                return Err(error.with_key(key));
            }
        };
        let pledge = self.journal.pledge(&doomed, end);
        let put = Put { key, guard, fill_id: self.fill_id(guard), payload, ttl: life.kept };
        let verdict = self.gate.ask("put", self.store().put(put)).await?;
        pledge.redeemed();
        Ok(verdict)
    }

    /// Removes keys, and ends the guard on them if there is one; what the store does not take now is
    /// kept, and delivered when it does.
    pub(crate) async fn invalidate(&self, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) -> Result<()> {
        let _near = self.forgotten(doomed);
        self.journal.deliver(doomed, guard).await
    }

    /// The same, from a place that cannot wait.
    pub(crate) fn invalidate_later(&self, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) {
        let _near = self.forgotten(doomed);
        self.journal.deliver_later(doomed, guard);
    }

    /// Drops keys from this process at its own end, however that comes: once the store has taken an
    /// invalidation, or the journal has the key in quarantine.
    fn forgotten<'a>(&'a self, keys: &'a [Doomed<'a>]) -> Forgotten<'a> {
        Forgotten { near: self.near.as_deref(), keys }
    }

    pub(crate) fn near(&self) -> Option<&Arc<Near>> {
        self.near.as_ref()
    }

    /// Removes all keys that match; what the store does not take now is kept, and done when it does.
    pub(crate) async fn sweep(&self, pattern: &Pattern, progress: Progress<'_>) -> Result<Swept> {
        let _near = SweptNear { near: self.near.as_deref(), pattern };
        self.journal.sweep(pattern, progress).await
    }

    /// The same, from a place that cannot wait.
    pub(crate) fn sweep_later(&self, pattern: &Pattern) {
        let _near = SweptNear { near: self.near.as_deref(), pattern };
        self.journal.sweep_later(pattern);
    }

    /// Removes the values of earlier eras.
    pub(crate) async fn reclaim(&self, progress: Progress<'_>) -> Result<Swept> {
        match self.era().await {
            None => Ok(Swept::default()),
            Some(era) => self.journal.reclaim(era?, progress).await,
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &**self.gate.store()
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What guards carry, if it can be read. An invalidation here may not be delivered there yet.
    fn carried(&self, key: &[u8], form: Typed, entry: Option<Entry>) -> Option<Seen> {
        let entry = entry?;
        let value = form.open(self.codec, &entry.payload).ok()?;
        let stamp = codec::stamp(&entry.payload);
        (!self.journal.holds(key)).then(|| Seen::of(&entry, stamp, value))
    }

    /// Looks one key up, and the era beside it.
    async fn find(&self, key: &[u8], lease: Option<Lease>) -> (Found, Told) {
        if let Err(error) = self.gate.enter("lookup") {
            return (Found::Failed(error.with_key(key)), Told::None);
        }
        let under_way = self.gatherers.asks(key);
        let asks = [Ask { key, lease }];
        let lookup = self.store().lookup(&asks);
        let (mut found, told) = if self.has_eras() {
            let (found, told) = tokio::join!(lookup, Box::pin(self.ask_era()));
            (found, told)
        } else {
            (lookup.await, Told::None)
        };
        drop(under_way);
        let found = found.pop().unwrap_or_else(|| {
            let detail = "the store gave no answer for the key";
            Found::Failed(Error::new(ErrorKind::Unavailable, "lookup", detail).with_key(key))
        });
        self.gate.heard(match &found {
            Found::Failed(error) => Some(error),
            _ => None,
        });
        (found, told)
    }

    /// Refuses what must not be asked of the store.
    fn admits(&self, key: &[u8]) -> Result<()> {
        self.fits("lookup", key)?;
        if self.journal.holds(key) {
            return Err(quarantined(key));
        }
        Ok(())
    }

    fn fits(&self, operation: &'static str, key: &[u8]) -> Result<()> {
        let bound = self.store().capabilities().key_bytes_max;
        if key.len() <= bound {
            return Ok(());
        }
        let detail = format!("a key of {} bytes is longer than the store's {bound}", key.len());
        Err(Error::new(ErrorKind::Unstorable, operation, detail))
    }
}

impl std::fmt::Debug for L2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L2").field("store", &self.store().name()).finish_non_exhaustive()
    }
}

/// Keys to be dropped from this process, at the end.
struct Forgotten<'a> {
    near: Option<&'a Near>,
    keys: &'a [Doomed<'a>],
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        if let Some(near) = self.near {
            self.keys.iter().for_each(|doomed| near.invalidate(doomed.key));
        }
    }
}

/// Keys to be dropped from this process, at the end, by a pattern.
struct SweptNear<'a> {
    near: Option<&'a Near>,
    pattern: &'a Pattern,
}

impl Drop for SweptNear<'_> {
    fn drop(&mut self) {
        if let Some(near) = self.near {
            near.sweep(self.pattern);
        }
    }
}

/// What it means that a value is of another era than that of now, as far as is known.
fn outdated(told: Told, fill_id: Token) -> L2Sighting {
    match told {
        Told::Unknown(error) => L2Sighting::Failed(error),
        _ => L2Sighting::Outdated(fill_id),
    }
}

fn quarantined(key: &[u8]) -> Error {
    let detail = "an invalidation of it is not yet delivered, so what is stored may be old";
    Error::new(ErrorKind::Unavailable, "lookup", detail).with_key(key)
}

fn foreign(key: &[u8]) -> Error {
    Error::new(ErrorKind::Unreadable, "lookup", "it was not written by cachemacro").with_key(key)
}

fn other_kind(key: &[u8]) -> Error {
    let detail = "the store holds data of another kind under this key; choose another key template";
    Error::new(ErrorKind::Rejected, "lookup", detail).with_key(key)
}
