//! A call: answered by what is stored, by the load of another call, or by its body.

mod raw;
pub(super) mod settle;

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::cache::body::{Answer, Flow, Lender, Lending, Lent, Running, can_receive};
use crate::cache::{Cache, Call, Resolved, batch, warm};
use crate::chance;
use crate::codec::{Reach, Typed};
use crate::error::Error;
use crate::flight::{Lead, Message, Outcome, Seat};
use crate::journal::Doomed;
use crate::policy::Terms;
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shared, Sharing};
use crate::site::{Counters, Site, count};
use crate::stripe::Count;
use crate::tag::{Before, Tag};
use crate::tier::{Gathering, LeaseGuard, Sighting, Tier};

/// How long to wait for another process's load before the store is asked again: at first, and at most.
///
/// Both are jittered. Where the store tells of its changes, the fill itself wakes who waits, and this is for what is
/// told late or not at all. Otherwise a wait is longer than needed by half of what it lasts, at most: one caller of
/// each process polls, so that a load of 100 ms costs the store six lookups for each process that waits.
pub(super) const POLL_MIN: Duration = Duration::from_millis(2);
const POLL_MAX: Duration = Duration::from_millis(250);

/// Answers a call that is not [`hit`](super::hit()).
pub(crate) fn read<'a, S, R, P, F>(
    call: Call<'a, P>,
    lender: &'a Lender,
    body: Pin<&'a mut F>,
) -> Running<'a, S, P, F>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
{
    lending::<S, R, P>(call, lender, true).with(body)
}

/// The same for a call whose key was just found to be missing, together with others: to ask so again is in vain.
pub(crate) fn read_missing<'a, S, R, P, F>(
    call: Call<'a, P>,
    lender: &'a Lender,
    body: Pin<&'a mut F>,
) -> Running<'a, S, P, F>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
{
    lending::<S, R, P>(call, lender, false).with(body)
}

/// What is known of a call by its types is said here, and the rest does not know them.
fn lending<'a, S, R, P>(mut call: Call<'a, P>, lender: &'a Lender, gathers: bool) -> Lending<'a, S, P>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
{
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, instance, .. } = call;
    let Before { tags, epochs } = terms.before();
    let asking = Asking {
        cache,
        site,
        key: key.as_bytes(),
        form: Typed::new::<S::Value, R>(site.form()),
        can_receive: can_receive::<S>,
        tags: tags.to_vec(),
        epochs: epochs.to_vec(),
        instance,
        gathers,
    };
    Lending::new(asking.begin(lender.lend()), lender, terms)
}

/// A call, as far as its flow knows it.
struct Asking<'a> {
    /// None, if it may not be cached.
    cache: Option<Resolved>,
    site: &'static Site,
    key: &'a [u8],
    form: Typed,
    can_receive: fn(&Shared) -> bool,
    /// What is to be noted before its load.
    tags: Vec<Tag>,
    epochs: Vec<Tag>,
    instance: Option<&'static str>,
    /// Whether it may be answered together with others.
    gathers: bool,
}

impl<'a> Asking<'a> {
    // The future of no type of a caller's: it is compiled with the engine.
    fn begin(self, lent: Lent<'a>) -> Flow<'a> {
        Box::pin(self.answered(lent))
    }

    async fn answered(self, lent: Lent<'a>) -> Answer {
        let Self { cache, site, key, form, can_receive, tags, epochs, instance, gathers } = self;
        let counters = site.counters();
        let Some(cache) = cache else {
            site.warn_disabled(instance);
            count(&counters.loads);
            warm::ran(site);
            lent.body_alone().await;
            return Answer::Own;
        };
        let tier = cache.tier_of(site);
        if site.is_tagged()
            && let Some(value) = tier.get_under(key, form, site.is_strict())
        {
            count(&counters.hits);
            return Answer::Of(Outcome::Value(value));
        }
        let (form, mut has_failed) = (form.with(cache.form(site)), false);
        if gathers
            && let Tier::Shared(l2) = tier
            && !site.is_tagged()
            && !site.is_raw()
            && !cache.inner.flights.holds(key)
        {
            match l2.gathered(key, &form).await {
                Gathering::Hit(value) => {
                    count(&counters.hits);
                    return Answer::Of(Outcome::Value(value));
                }
                Gathering::Nothing => {}
                Gathering::Failed(error) => {
                    crate::trace::outage(site, &error);
                    has_failed = true;
                }
            }
        }
        let (deadline, before) = (deadline(&cache), Before { tags: &tags, epochs: &epochs });
        let load = Load { site, cache: &cache, tier, key, form, can_receive, before, deadline, has_failed };
        let seat = cache.inner.flights.enter(key);
        // By itself, as most calls do not come to it.
        crate::trace::miss(site, Box::pin(load.answer_from(seat, lent))).await
    }
}

/// What has come of a seat.
pub(super) enum Seated {
    /// The lead of the flight.
    Leads(Lead<LeaseGuard>),
    /// The result of another call's load.
    Answered(Outcome),
    /// Nothing, for as long as others are waited for.
    Alone,
}

/// A call that was not answered at once.
#[derive(Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) site: &'static Site,
    pub(super) cache: &'a Cache,
    pub(super) tier: &'a Tier,
    pub(super) key: &'a [u8],
    pub(super) form: Typed,
    /// Whether what is no value, of another call's load, is an answer to this one.
    pub(super) can_receive: fn(&Shared) -> bool,
    /// What is to be noted before its load.
    pub(super) before: Before<'a>,
    /// Until when others are waited for.
    pub(super) deadline: Instant,
    /// Whether the store has just not answered: it is not asked a second time.
    pub(super) has_failed: bool,
}

impl Load<'_> {
    /// Answers a call that has taken its seat.
    pub(super) async fn answer_from(&self, seat: Seat<LeaseGuard>, lent: Lent<'_>) -> Answer {
        match self.seated_from(seat).await {
            Seated::Leads(lead) => self.lead(lead, lent).await,
            Seated::Answered(outcome) => Answer::Of(outcome),
            Seated::Alone => {
                self.bypass(lent.body_alone()).await;
                Answer::Own
            }
        }
    }

    /// Takes a seat: who waits gets a result, or the lead.
    pub(super) async fn seated(&self) -> Seated {
        self.seated_from(self.cache.inner.flights.enter(self.key)).await
    }

    async fn seated_from(&self, mut seat: Seat<LeaseGuard>) -> Seated {
        loop {
            let waiter = match seat {
                Seat::Lead(lead) => return Seated::Leads(lead),
                Seat::Wait(waiter) => waiter,
            };
            batch::waits();
            match tokio::time::timeout_at(self.deadline, waiter).await {
                Ok(Ok(Message::Lead(lead))) => return Seated::Leads(lead),
                Ok(Ok(Message::Landed(outcome))) => {
                    let is_answer = match &outcome {
                        Outcome::Value(value) => self.form.is(value),
                        Outcome::Rest(rest) => (self.can_receive)(rest),
                    };
                    if is_answer {
                        self.count(|counters| &counters.shared);
                        return Seated::Answered(outcome);
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
    async fn lead(&self, mut lead: Lead<LeaseGuard>, lent: Lent<'_>) -> Answer {
        if let (Tier::Shared(l2), true) = (self.tier, self.site.is_raw()) {
            return Box::pin(self.lead_raw(l2, lead, lent)).await;
        }
        if lead.lease().is_none() && self.has_failed {
            self.count(|counters| &counters.outages);
        } else if lead.lease().is_none() {
            match self.look_up(&lead).await {
                LookedUp::Hit(value) => {
                    let outcome = Outcome::Value(value);
                    lead.end(Ending::Hit, Some(outcome.clone()));
                    self.count(|counters| &counters.hits);
                    return Answer::Of(outcome);
                }
                LookedUp::Leased(lease) => lead.hold(lease),
                LookedUp::Guarded => self.count(|counters| &counters.refused),
                LookedUp::Unleased => self.count(|counters| &counters.outages),
            }
        }
        // By itself, as a hit does not come to it.
        Box::pin(self.load(lead, lent)).await;
        Answer::Own
    }

    async fn load(&self, lead: Lead<LeaseGuard>, lent: Lent<'_>) {
        self.count(|counters| &counters.loads);
        warm::ran(self.site);
        lead.progress(Progress::LoadStarted);
        let (valued, cost) = self.run(&lead, pin!(lent.body())).await;
        let rest = if valued.is_none() && lead.is_awaited() { lent.rest().await } else { None };
        self.settle(lead, valued, rest, cost).await;
    }

    /// Asks until there is a value, or a lease, or no hope for one.
    async fn look_up(&self, lead: &Lead<LeaseGuard>) -> LookedUp {
        let mut looks = Looks { pause: POLL_MIN, has_cleared: false };
        loop {
            lead.progress(Progress::LookupSent);
            // From before the lookup: a change that comes right after its answer is not missed.
            let mut change = pin!(self.tier.change(self.key));
            let lease = self.cache.inner.settings.lease;
            let other = match self.tier.lookup_under(self.key, &self.form, lease, self.before).await {
                Sighting::Hit(seen) if seen.is_fresh() => return LookedUp::Hit(seen.value),
                Sighting::Lead(lease) => return LookedUp::Leased(lease),
                // Nobody was told otherwise yet: the value from before is one of now.
                Sighting::Guarded(Some(seen)) if seen.is_fresh() => return LookedUp::Hit(seen.value),
                Sighting::Guarded(_) => return LookedUp::Guarded,
                other => other,
            };
            // By itself, as a hit does not come to it.
            if !Box::pin(self.make_way(other, change.as_mut(), &mut looks)).await {
                return LookedUp::Unleased;
            }
        }
    }

    /// Removes or waits for what a lookup has found that is neither a value nor a lease; says whether another may find more.
    async fn make_way(
        &self,
        sighting: Sighting,
        change: Pin<&mut Option<Notified<'_>>>,
        looks: &mut Looks,
    ) -> bool {
        let made = match sighting {
            // Past its ttl, and kept for a function that serves such: this one makes room.
            Sighting::Hit(seen) if !looks.has_cleared => {
                looks.has_cleared = true;
                // That fill alone: another reader may have made room already, and lead.
                self.tier.discard(self.key, seen.fill_id).await
            }
            Sighting::Busy if Instant::now() < self.deadline => {
                self.wait(change, &mut looks.pause).await;
                Ok(())
            }
            // The next one is of the era of now.
            Sighting::Moved if Instant::now() < self.deadline => Ok(()),
            // Once it is gone, there is a lease to be had, for one of all who ask.
            Sighting::Outdated(fill_id) if Instant::now() < self.deadline => {
                self.tier.discard(self.key, fill_id).await
            }
            // What cannot be read is replaced: once removed, there is a lease to be had.
            Sighting::Unreadable(error) if !looks.has_cleared => {
                self.report(&error);
                looks.has_cleared = true;
                return self.clear().await.is_ok();
            }
            Sighting::Unreadable(error) | Sighting::Failed(error) => Err(error),
            Sighting::Hit(_)
            | Sighting::Busy
            | Sighting::Moved
            | Sighting::Outdated(_)
            | Sighting::Unfillable
            | Sighting::Lead(_)
            | Sighting::Guarded(_) => return false,
        };
        made.inspect_err(|error| self.report(error)).is_ok()
    }

    /// Waits for what another is loading: until the store tells of a change, of a value, it is hoped; or for a while.
    pub(super) async fn wait(&self, change: Pin<&mut Option<Notified<'_>>>, pause: &mut Duration) {
        batch::waits();
        let poll_at = (Instant::now() + pause.mul_f64(chance::jitter())).min(self.deadline);
        match change.as_pin_mut() {
            Some(change) => drop(tokio::time::timeout_at(poll_at, change).await),
            None => tokio::time::sleep_until(poll_at).await,
        }
        *pause = (*pause * 2).min(POLL_MAX);
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

    /// Runs the body, for this call alone.
    pub(super) async fn bypass<F: Future>(&self, body: F) -> F::Output {
        self.count(|counters| &counters.loads);
        warm::ran(self.site);
        body.await
    }

    pub(super) fn count<C: Count>(&self, counter: impl Fn(&Counters) -> &C) {
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

/// What the lookups of one load have come to.
struct Looks {
    /// How long to wait for another process's load.
    pause: Duration,
    has_cleared: bool,
}

enum LookedUp {
    Hit(Shared),
    Leased(LeaseGuard),
    /// Writers are at work.
    Guarded,
    Unleased,
}

pub(super) fn deadline(cache: &Cache) -> Instant {
    Instant::now() + cache.inner.settings.wait_max
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much a future takes that is made of this.
    fn size_of_future<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_a_hit_in_a_store_has_on_the_heap_is_small() {
        // What is larger, glibc's allocator does not keep at hand for a thread.
        const AT_HAND: usize = 1032;
        type Asked = (Asking<'static>, Lent<'static>);
        let size = size_of_future(|(asking, lent): Asked| asking.answered(lent));
        assert!(size <= AT_HAND, "{size}");
        type Seated = (&'static Load<'static>, Seat<LeaseGuard>, Lent<'static>);
        let size = size_of_future(|(load, seat, lent): Seated| load.answer_from(seat, lent));
        assert!(size <= AT_HAND, "{size}");
    }
}
