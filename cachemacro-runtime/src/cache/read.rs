//! A call: answered by what is stored, by the load of another call, or by its body.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::{Cache, Call, Resolved};
use crate::codec::Reach;
use crate::error::Error;
use crate::flight::{Lead, Message, Outcome, Seat};
use crate::policy::Terms;
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Sharing};
use crate::site::count;
use crate::store::{Permit, Verdict};
use crate::tier::{LeaseGuard, Sighting, Storing, Tier};

/// How long to wait for another process's load before the store is asked again: at first, and at most.
///
/// Both are jittered. A poll is a lookup, so the first is about a fast query's time.
const POLL_MIN: Duration = Duration::from_millis(25);
const POLL_MAX: Duration = Duration::from_millis(250);

/// Answers a call.
pub(crate) async fn read<S, R, P, F>(call: Call<P>, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let Call { site, cache, key, ttl: terms } = call;
    let counters = site.counters();
    if !site.is_enabled() || !terms.applies() || key.is_unusable() {
        site.warn_disabled();
        count(&counters.loads);
        return body.await;
    }
    let cache = Resolved::new(cache);
    if cache.inner.tasks.is_closed() {
        count(&counters.loads);
        return body.await;
    }
    let tier = cache.tier_of(site);
    if let Some(value) = tier.get_now::<S::Value>(key.as_bytes(), site.version()) {
        count(&counters.hits);
        return S::output(value);
    }
    let load = Load { site, cache: &cache, tier, key: key.as_bytes(), terms, deadline: deadline(&cache) };
    crate::trace::miss(site, load.answer::<S, R, F>(body)).await
}

/// A call that was not answered at once.
struct Load<'a, P> {
    site: &'static crate::site::Site,
    cache: &'a Cache,
    tier: &'a Tier,
    key: &'a [u8],
    terms: P,
    /// Until when others are waited for.
    deadline: Instant,
}

impl<P> Load<'_, P> {
    /// Takes a seat: who waits gets a result, or the lead.
    async fn answer<S, R, F>(self, body: Pin<&mut F>) -> S::Output
    where
        S: Sharing,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        let waiter = match self.cache.inner.flights.enter(self.key) {
            Seat::Lead(lead) => return self.lead::<S, R, F>(lead, body).await,
            Seat::Wait(waiter) => waiter,
        };
        match tokio::time::timeout_at(self.deadline, waiter).await {
            Ok(Ok(Message::Lead(lead))) => return self.lead::<S, R, F>(lead, body).await,
            Ok(Ok(Message::Landed(outcome))) => {
                if let Some(output) = receive::<S>(outcome) {
                    self.count(|counters| &counters.shared);
                    return output;
                }
                // Another type under the same key: no cache of ours.
            }
            // The time is over, or the runtime that carried the leader is gone.
            Ok(Err(_)) | Err(_) => {}
        }
        self.bypass(body).await
    }

    /// Leads the flight: looks up, loads, settles.
    async fn lead<S, R, F>(self, mut lead: Lead<LeaseGuard>, body: Pin<&mut F>) -> S::Output
    where
        S: Sharing,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        if lead.lease().is_none() {
            match self.look_up::<S::Value, R>(&lead).await {
                LookedUp::Hit(value) => {
                    lead.end(Ending::Hit, Some(Outcome::Value(value.clone())));
                    self.count(|counters| &counters.hits);
                    return S::output((*value).clone());
                }
                LookedUp::Leased(lease) => lead.hold(lease),
                LookedUp::Unleased => self.count(|counters| &counters.outages),
            }
        }
        self.count(|counters| &counters.loads);
        lead.progress(Progress::LoadStarted);
        let output = self.run(&lead, body).await;
        self.settle::<S, R>(lead, &output).await;
        output
    }

    /// Asks until there is a value, or a lease, or no hope for one.
    async fn look_up<V: Local, R: Reach<V>>(&self, lead: &Lead<LeaseGuard>) -> LookedUp<V> {
        let version = self.site.version();
        let mut pause = POLL_MIN;
        let mut cleared = false;
        loop {
            lead.progress(Progress::LookupSent);
            match self.tier.lookup::<V, R>(self.key, version, self.cache.inner.settings.lease).await {
                Sighting::Hit(value) => return LookedUp::Hit(value),
                Sighting::Lead(lease) => return LookedUp::Leased(lease),
                Sighting::Busy if Instant::now() < self.deadline => {
                    let jittered = pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
                    tokio::time::sleep_until((Instant::now() + jittered).min(self.deadline)).await;
                    pause = (pause * 2).min(POLL_MAX);
                }
                // What cannot be read is replaced: once removed, there is a lease to be had.
                Sighting::Unreadable(error) if !cleared => {
                    self.report(&error);
                    cleared = true;
                    if self.tier.invalidate(&[self.key]).await.is_err() {
                        return LookedUp::Unleased;
                    }
                }
                Sighting::Unreadable(error) | Sighting::Failed(error) => {
                    self.report(&error);
                    return LookedUp::Unleased;
                }
                Sighting::Busy | Sighting::Unfillable => return LookedUp::Unleased,
            }
        }
    }

    /// Runs the body, and keeps the lease meanwhile.
    async fn run<F: Future>(&self, lead: &Lead<LeaseGuard>, mut body: Pin<&mut F>) -> F::Output {
        let Some(lease) = lead.lease() else {
            return body.await;
        };
        let ttl = self.cache.inner.settings.lease;
        loop {
            match tokio::time::timeout(ttl / 3, body.as_mut()).await {
                Ok(output) => return output,
                Err(_) => self.tier.renew(self.key, lease.token(), ttl),
            }
        }
    }

    /// Stores what can be stored, and gives to others what they may take.
    async fn settle<S, R>(&self, lead: Lead<LeaseGuard>, output: &S::Output)
    where
        S: Sharing,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
    {
        let Some(value) = S::value(output) else {
            self.count(|counters| &counters.failures);
            return self.release::<S>(lead, output).await;
        };
        let ttl = self.site.jitter().apply(self.terms.ttl(S::found(value)), rand::random());
        let value = Arc::new(value.clone());
        let ending = match ttl {
            Some(ttl) => self.store::<S::Value, R>(&lead, &value, ttl).await,
            None => self.decline(&lead).await,
        };
        if let Some(lease) = lead.end(ending, Some(Outcome::Value(value)))
            && ending == Ending::Settled
        {
            // The value stands where the lease stood, or it was released.
            lease.forget();
        }
    }

    async fn store<V: Local, R: Reach<V>>(
        &self,
        lead: &Lead<LeaseGuard>,
        value: &Arc<V>,
        ttl: Duration,
    ) -> Ending {
        let Some(lease) = lead.lease() else {
            return Ending::Unsettled;
        };
        lead.progress(Progress::SettleSent);
        let (key, version, permit) = (self.key, self.site.version(), Permit::Lease(lease.token()));
        let storing = Storing { key, version, permit, mark: lease.mark(), value, ttl };
        match self.tier.fill::<V, R>(storing).await {
            Ok(Verdict::Accepted) => {
                self.count(|counters| &counters.stored);
                Ending::Settled
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

    /// Gives up the lease of a value that is not to be stored; others may still take the value.
    async fn decline(&self, lead: &Lead<LeaseGuard>) -> Ending {
        self.count(|counters| &counters.failures);
        let Some(lease) = lead.lease() else {
            return Ending::Unsettled;
        };
        lead.progress(Progress::SettleSent);
        self.release_lease(lease).await
    }

    /// Gives up a lease. That it was still held proves the load fresh.
    async fn release_lease(&self, lease: &LeaseGuard) -> Ending {
        match self.tier.release(self.key, lease.token(), lease.mark()).await {
            Ok(Verdict::Accepted) => Ending::Settled,
            Ok(Verdict::Refused) | Err(_) => Ending::Unsettled,
        }
    }

    /// Gives up the lease of a load that is not stored. That it was still held proves the output fresh.
    async fn release<S: Sharing>(&self, lead: Lead<LeaseGuard>, output: &S::Output) {
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
        let ending = self.release_lease(lease).await;
        if let Some(lease) = lead.end(ending, outcome)
            && ending == Ending::Settled
        {
            lease.forget();
        }
    }

    /// Runs the body, for this call alone.
    async fn bypass<F: Future>(&self, body: Pin<&mut F>) -> F::Output {
        self.count(|counters| &counters.loads);
        body.await
    }

    fn count(&self, counter: impl Fn(&crate::site::Counters) -> &AtomicU64) {
        count(counter(self.site.counters()));
    }

    fn report(&self, error: &Error) {
        crate::trace::outage(self.site, error);
    }
}

enum LookedUp<V> {
    Hit(Arc<V>),
    Leased(LeaseGuard),
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

fn deadline(cache: &Cache) -> Instant {
    Instant::now() + cache.inner.settings.wait_max
}
