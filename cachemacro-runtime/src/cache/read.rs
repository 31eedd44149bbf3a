//! A call: answered by what is stored, by the load of another call, or by its body.

mod raw;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::{Cache, Call, Lender, batch, warm};
use crate::chance;
use crate::codec::{Reach, Typed};
use crate::error::Error;
use crate::flight::{Lead, Message, Outcome, Seat};
use crate::journal::Doomed;
use crate::mutants::{self, Mutant};
use crate::policy::{Life, Terms};
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shared, Sharing, owned};
use crate::site::count;
use crate::store::{Permit, Verdict};
use crate::stripe::Count;
use crate::tag::{Before, Note, Noted, Tag};
use crate::tier::{Gathering, LeaseGuard, Sighting, Storing, Tier};

/// How long to wait for another process's load before the store is asked again: at first, and at most.
///
/// Both are jittered. Where the store tells of its changes, the fill itself wakes who waits, and this is for what is
/// told late or not at all. Otherwise a wait is longer than needed by half of what it lasts, at most: one caller of
/// each process polls, so that a load of 100 ms costs the store six lookups for each process that waits.
pub(super) const POLL_MIN: Duration = Duration::from_millis(2);
pub(super) const POLL_MAX: Duration = Duration::from_millis(250);

/// Answers a call that is not [`hit`](super::hit()).
pub(crate) fn read<S, R, P, F>(call: Call<'_, P>, body: Pin<&mut F>) -> impl Future<Output = S::Output>
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    answered::<S, R, P, F, true>(call, body)
}

/// The same with a body that was lent, of whose type this is not compiled again.
pub(crate) async fn read_lent<S, R, P>(call: Call<'_, P>, lender: &Lender<S::Output>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
{
    read::<S, R, P, _>(call, pin!(lender.lend())).await
}

/// The same for a call whose key was just found to be missing, together with others: to ask so again is in vain.
pub(crate) fn read_missing<S, R, P, F>(
    call: Call<'_, P>,
    body: Pin<&mut F>,
) -> impl Future<Output = S::Output>
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    answered::<S, R, P, F, false>(call, body)
}

async fn answered<S, R, P, F, const GATHERS: bool>(mut call: Call<'_, P>, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, instance, .. } = call;
    let counters = site.counters();
    let Some(cache) = cache else {
        site.warn_disabled(instance);
        count(&counters.loads);
        warm::ran(site);
        return body.await;
    };
    let (tier, form) = (cache.tier_of(site), cache.typed::<S::Value, R>(site));
    if site.is_tagged()
        && let Some(value) = tier.get_under(key.as_bytes(), form, site.is_strict())
    {
        count(&counters.hits);
        return S::output(owned(value));
    }
    let mut has_failed = false;
    if GATHERS
        && let Tier::Shared(l2) = tier
        && !site.is_tagged()
        && !site.is_raw()
        && !cache.inner.flights.holds(key.as_bytes())
        && let Some(joined) = l2.join(key.as_bytes())
    {
        match l2.gathered(key.as_bytes(), form, joined).await {
            Gathering::Hit(value) => {
                count(&site.counters().hits);
                return S::output(owned(value));
            }
            Gathering::Nothing => {}
            Gathering::Failed(error) => {
                crate::trace::outage(site, &error);
                has_failed = true;
            }
        }
    }
    let deadline = deadline(&cache);
    let load = Load { site, cache: &cache, tier, key: key.as_bytes(), form, terms, deadline, has_failed };
    let seat = cache.inner.flights.enter(load.key);
    // On the heap, so that every annotated function's future is small; a load costs far more than that.
    crate::trace::miss(site, Box::pin(load.answer_from::<S, F>(seat, body))).await
}

/// What has come of a seat.
pub(super) enum Seated<O> {
    /// The lead of the flight.
    Leads(Lead<LeaseGuard>),
    /// The result of another call's load.
    Answered(O),
    /// Nothing, for as long as others are waited for.
    Alone,
}

/// A call that was not answered at once.
pub(super) struct Load<'a, P> {
    pub(super) site: &'static crate::site::Site,
    pub(super) cache: &'a Cache,
    pub(super) tier: &'a Tier,
    pub(super) key: &'a [u8],
    pub(super) form: Typed,
    pub(super) terms: P,
    /// Until when others are waited for.
    pub(super) deadline: Instant,
    /// Whether the store has just not answered: it is not asked a second time.
    pub(super) has_failed: bool,
}

impl<P> Load<'_, P> {
    /// Answers a call that has taken its seat.
    pub(super) async fn answer_from<S, F>(self, seat: Seat<LeaseGuard>, body: Pin<&mut F>) -> S::Output
    where
        S: Sharing,
        S::Value: Local,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        match self.seated_from::<S>(seat).await {
            Seated::Leads(lead) => self.lead::<S, F>(lead, body).await,
            Seated::Answered(output) => output,
            Seated::Alone => self.bypass(body).await,
        }
    }

    /// Takes a seat: who waits gets a result, or the lead.
    pub(super) async fn seated<S>(&self) -> Seated<S::Output>
    where
        S: Sharing,
        S::Value: Local,
    {
        self.seated_from::<S>(self.cache.inner.flights.enter(self.key)).await
    }

    async fn seated_from<S>(&self, mut seat: Seat<LeaseGuard>) -> Seated<S::Output>
    where
        S: Sharing,
        S::Value: Local,
    {
        loop {
            let waiter = match seat {
                Seat::Lead(lead) => return Seated::Leads(lead),
                Seat::Wait(waiter) => waiter,
            };
            batch::waits();
            match tokio::time::timeout_at(self.deadline, waiter).await {
                Ok(Ok(Message::Lead(lead))) => return Seated::Leads(lead),
                Ok(Ok(Message::Landed(outcome))) => {
                    if let Some(output) = receive::<S>(outcome) {
                        self.count(|counters| &counters.shared);
                        return Seated::Answered(output);
                    }
                    // The error or the `None` of another function that shares its entries: the next flight is ours.
                }
                // The time is over, or the runtime that carried the leader is gone.
                Ok(Err(_)) | Err(_) => return Seated::Alone,
            }
            seat = self.cache.inner.flights.enter(self.key);
        }
    }

    /// Leads the flight: looks up, loads, settles.
    async fn lead<S, F>(self, mut lead: Lead<LeaseGuard>, body: Pin<&mut F>) -> S::Output
    where
        S: Sharing,
        S::Value: Local,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        if let (Tier::Shared(l2), true) = (self.tier, self.site.is_raw()) {
            return self.lead_raw::<S, F>(l2, lead, body).await;
        }
        if lead.lease().is_none() && self.has_failed {
            self.count(|counters| &counters.outages);
        } else if lead.lease().is_none() {
            match self.look_up(&lead, self.terms.before()).await {
                LookedUp::Hit(value) => {
                    lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&value))));
                    self.count(|counters| &counters.hits);
                    return S::output(owned(value));
                }
                LookedUp::Leased(lease) => lead.hold(lease),
                LookedUp::Guarded => self.count(|counters| &counters.refused),
                LookedUp::Unleased => self.count(|counters| &counters.outages),
            }
        }
        self.count(|counters| &counters.loads);
        warm::ran(self.site);
        lead.progress(Progress::LoadStarted);
        let (output, cost) = self.run(&lead, body).await;
        self.settle::<S>(lead, &output, cost).await;
        output
    }

    /// Asks until there is a value, or a lease, or no hope for one.
    async fn look_up(&self, lead: &Lead<LeaseGuard>, before: Before<'_>) -> LookedUp {
        let lease = self.cache.inner.settings.lease;
        let mut pause = POLL_MIN;
        let mut cleared = false;
        loop {
            lead.progress(Progress::LookupSent);
            // From before the lookup: a change that comes right after its answer is not missed.
            let mut change = pin!(self.tier.change(self.key));
            match self.tier.lookup_under(self.key, self.form, lease, before).await {
                Sighting::Hit(seen) if seen.is_fresh() => return LookedUp::Hit(seen.value),
                Sighting::Lead(lease) => return LookedUp::Leased(lease),
                // Nobody was told otherwise yet: the value from before is one of now.
                Sighting::Guarded(Some(seen)) if seen.is_fresh() => return LookedUp::Hit(seen.value),
                Sighting::Guarded(_) => return LookedUp::Guarded,
                // Past its ttl, and kept for a function that serves such: this one makes room.
                Sighting::Hit(seen) if !cleared => {
                    cleared = true;
                    // That fill alone: another reader may have made room already, and lead.
                    if let Err(error) = self.tier.discard(self.key, seen.fill_id).await {
                        self.report(&error);
                        return LookedUp::Unleased;
                    }
                }
                Sighting::Busy if Instant::now() < self.deadline => {
                    batch::waits();
                    let jittered = pause.mul_f64(chance::jitter());
                    // Over as soon as the store tells of a change: of a value, it is hoped.
                    let poll_at = (Instant::now() + jittered).min(self.deadline);
                    let _ = tokio::time::timeout_at(poll_at, change.as_mut()).await;
                    pause = (pause * 2).min(POLL_MAX);
                }
                // The next one is of the era of now.
                Sighting::Moved if Instant::now() < self.deadline => {}
                // Once it is gone, there is a lease to be had, for one of all who ask.
                Sighting::Outdated(fill_id) if Instant::now() < self.deadline => {
                    if let Err(error) = self.tier.discard(self.key, fill_id).await {
                        self.report(&error);
                        return LookedUp::Unleased;
                    }
                }
                // What cannot be read is replaced: once removed, there is a lease to be had.
                Sighting::Unreadable(error) if !cleared => {
                    self.report(&error);
                    cleared = true;
                    if self.clear().await.is_err() {
                        return LookedUp::Unleased;
                    }
                }
                Sighting::Unreadable(error) | Sighting::Failed(error) => {
                    self.report(&error);
                    return LookedUp::Unleased;
                }
                Sighting::Hit(_)
                | Sighting::Busy
                | Sighting::Moved
                | Sighting::Outdated(_)
                | Sighting::Unfillable => return LookedUp::Unleased,
            }
        }
    }

    /// Removes what is stored, so that there is a lease to be had.
    pub(super) async fn clear(&self) -> crate::error::Result<()> {
        self.tier.invalidate(&[Doomed { key: self.key, site: Some(self.site) }], None).await
    }

    /// Runs the body, and keeps the lease meanwhile; says how long it took.
    pub(super) async fn run<F: Future>(
        &self,
        lead: &Lead<LeaseGuard>,
        body: Pin<&mut F>,
    ) -> (F::Output, Duration) {
        run(lead.lease(), self.cache.inner.settings.lease, body).await
    }

    /// Stores what can be stored, and gives to others what they may take.
    pub(super) async fn settle<S>(&self, lead: Lead<LeaseGuard>, output: &S::Output, cost: Duration)
    where
        S: Sharing,
        S::Value: Local,
        P: Terms<S::Found>,
    {
        let Some(value) = S::value(output) else {
            self.count(|counters| &counters.failures);
            return self.release::<S>(lead, output).await;
        };
        let life = self.cache.life(self.site, &self.terms, S::found(value), cost);
        let shared: Shared = Arc::new(value.clone());
        let ending = match life {
            Some(life) => {
                let of_value = self.terms.tags_of(S::found(value));
                self.store(&lead, &shared, &of_value, life).await
            }
            None => self.decline(&lead).await,
        };
        if let Some(lease) = lead.end(ending, Some(Outcome::Value(shared)))
            && ending == Ending::Settled
        {
            // The value stands where the lease stood, or it was released.
            lease.forget();
        }
    }

    async fn store(&self, lead: &Lead<LeaseGuard>, value: &Shared, of_value: &[Tag], life: Life) -> Ending {
        let Some(lease) = lead.lease() else {
            return Ending::Unsettled;
        };
        if lease.is_over(self.cache.inner.settings.lease) {
            self.count(|counters| &counters.refused);
            return Ending::Unsettled;
        }
        lead.progress(Progress::SettleSent);
        let (key, form, permit) = (self.key, self.form, Permit::Lease(lease.token()));
        let Some(notes) = self.notes(lease, of_value).await else {
            self.count(|counters| &counters.refused);
            return Ending::Unsettled;
        };
        let noted = self.site.is_tagged().then_some(&*notes);
        let storing = Storing { key, form, permit, mark: lease.mark(), notes: noted, value, life };
        match self.tier.fill(storing).await {
            Ok(Verdict::Accepted) => {
                self.count(|counters| &counters.stored);
                warm::stored(self.site);
                let epochs = if of_value.is_empty() { &lease.noted().epochs[..] } else { &[] };
                self.settled(lead, lease, &[&notes, epochs]).await
            }
            Ok(Verdict::Refused) => {
                self.count(|counters| &counters.refused);
                Ending::Unsettled
            }
            Err(error) => {
                self.report(&error);
                self.count(|counters| &counters.outages);
                Ending::Unsettled
            }
        }
    }

    /// The versions to store a value with; none if it must not be stored.
    async fn notes(&self, lease: &LeaseGuard, of_value: &[Tag]) -> Option<Vec<Note>> {
        let (noted, ttl) = (lease.noted(), self.cache.inner.settings.lease);
        if mutants::is(Mutant::TagReadAfterLoad) {
            let tags = noted.notes.iter().map(|note| note.tag.clone()).chain(of_value.iter().cloned());
            return self.tier.notes(&tags.collect::<Vec<_>>(), ttl).await.ok();
        }
        self.tier.note_value(noted, of_value, ttl).await
    }

    /// Gives up the lease of a value that is not to be stored; others may still take the value.
    async fn decline(&self, lead: &Lead<LeaseGuard>) -> Ending {
        self.count(|counters| &counters.failures);
        let Some(lease) = lead.lease() else {
            return Ending::Unsettled;
        };
        lead.progress(Progress::SettleSent);
        self.release_lease(lead, lease).await
    }

    /// Gives up a lease. That it was still held proves the load fresh.
    async fn release_lease(&self, lead: &Lead<LeaseGuard>, lease: &LeaseGuard) -> Ending {
        match self.tier.release(self.key, lease.token(), lease.mark()).await {
            Ok(Verdict::Accepted) => {
                let Noted { notes, epochs } = lease.noted();
                self.settled(lead, lease, &[notes, epochs]).await
            }
            Ok(Verdict::Refused) | Err(_) => Ending::Unsettled,
        }
    }

    /// What an accepted fill or release says of a load: the lease knows of the key alone, so that whoever came after
    /// the load began may only share it if no tag was invalidated since, nor all. What names no tag itself is held to the
    /// epochs of those that it might have named. Nobody can join any more.
    pub(super) async fn settled(
        &self,
        lead: &Lead<LeaseGuard>,
        lease: &LeaseGuard,
        noted: &[&[Note]],
    ) -> Ending {
        let is_shared = !lead.is_awaited()
            || mutants::is(Mutant::TagSharedUnchecked)
            || self.tier.still_stands(lease.token(), &noted.concat()).await;
        if is_shared { Ending::Settled } else { Ending::Unsettled }
    }

    /// Gives up the lease of a load that is not stored. That it was still held proves the output fresh.
    pub(super) async fn release<S: Sharing>(&self, lead: Lead<LeaseGuard>, output: &S::Output) {
        let outcome = if lead.is_awaited() { S::share(output).map(Outcome::Rest) } else { None };
        let Some(lease) = lead.lease() else {
            lead.end(Ending::Unsettled, outcome);
            return;
        };
        if outcome.is_none() {
            // The lease is dropped, and released in the background.
            drop(lead.end(Ending::Unshared, None));
            return;
        }
        lead.progress(Progress::SettleSent);
        let ending = self.release_lease(&lead, lease).await;
        if let Some(lease) = lead.end(ending, outcome)
            && ending == Ending::Settled
        {
            lease.forget();
        }
    }

    /// Runs the body, for this call alone.
    pub(super) async fn bypass<F: Future>(&self, body: Pin<&mut F>) -> F::Output {
        self.count(|counters| &counters.loads);
        warm::ran(self.site);
        body.await
    }

    pub(super) fn count<C: Count>(&self, counter: impl Fn(&crate::site::Counters) -> &C) {
        count(counter(self.site.counters()));
    }

    pub(super) fn report(&self, error: &Error) {
        crate::trace::outage(self.site, error);
    }
}

/// Runs a body, and keeps the lease meanwhile; says how long it took.
pub(super) async fn run<F: Future>(
    lease: Option<&LeaseGuard>,
    ttl: Duration,
    mut body: Pin<&mut F>,
) -> (F::Output, Duration) {
    let start = Instant::now();
    let Some(lease) = lease else {
        return (body.await, start.elapsed());
    };
    loop {
        match tokio::time::timeout(ttl / 3, body.as_mut()).await {
            Ok(output) => return (output, start.elapsed()),
            Err(_) => lease.renew(ttl),
        }
    }
}

enum LookedUp {
    Hit(Shared),
    Leased(LeaseGuard),
    /// Writers are at work.
    Guarded,
    Unleased,
}

/// What another caller's load means for this one.
fn receive<S: Sharing>(outcome: Outcome) -> Option<S::Output>
where
    S::Value: Local,
{
    match outcome {
        Outcome::Value(value) => value.downcast_ref::<S::Value>().cloned().map(S::output),
        Outcome::Rest(rest) => S::receive(&*rest),
    }
}

pub(super) fn deadline(cache: &Cache) -> Instant {
    Instant::now() + cache.inner.settings.wait_max
}
