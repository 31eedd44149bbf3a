//! A call of a function that serves past its ttl, refreshes early, or extends what is hit.
//!
//! | what is stored is | so the call |
//! |---|---|
//! | fresh | takes it; it may extend it, or refresh it early |
//! | stale, and `stale_while_revalidate` | takes it, and has it refreshed |
//! | stale, and `stale_if_error` | loads, and takes it if that fails |
//! | gone | loads, as any call does |
//!
//! What is served was looked up after the call began, and after the load that failed: an invalidation
//! removes it, so that it is past its time at worst, and never invalidated. A refresh replaces the very fill
//! that it began at, so that an invalidation meanwhile refuses it.

mod keepers;
mod lookup;
mod refreshers;
mod ticket;
mod touches;
mod within;

use std::any::Any;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cache::body::{Lender, Lending, can_receive, received};
use crate::cache::read::settle::rest;
use crate::cache::read::{self, Load, Seated};
use crate::cache::{Call, current, warm};
use crate::chance;
use crate::codec::Reach;
use crate::flight::{Lead, Outcome};
use crate::mutants::{self, Mutant};
use crate::policy::{Freshness, Policy, Terms, idle_left, is_early};
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Sharing, owned};
use crate::site::count;
use crate::tier::{LeaseGuard, Seen, Tier};

pub use ticket::Ticket;

pub(crate) use keepers::Keepers;
pub(crate) use refreshers::Refreshers;
pub(crate) use ticket::refresh;
pub(crate) use touches::Touches;

use lookup::Next;
use refreshers::Begun;
use ticket::{Leased, Right};
use within::Hard;

pub(crate) use within::Late;

/// What begins a load without a caller: it owns what the body needs, and ends with what that returns.
pub(crate) type Start = Box<dyn FnOnce(Ticket) -> Pin<Box<dyn Future<Output = Returned> + Send>> + Send>;

/// What makes a start, again and again.
pub(crate) type Again = Box<dyn FnMut() -> Start + Send>;

/// What a body returns, of the type that its function does.
pub(crate) type Returned = Box<dyn Any + Send>;

/// The value in it.
type Loaded = Box<dyn Any + Send>;

/// Answers a call: `inline` makes its body of `args`, and `background` what runs without it, if anything
/// can.
pub(crate) async fn read<S, R, P, A, F>(
    mut call: Call<'_, P>,
    args: A,
    inline: impl FnOnce(A) -> F,
    background: impl Fn(&A) -> Option<Start>,
    rest: Rest<impl FnOnce(&A) -> Option<Again>, S::Output>,
) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, instance, .. } = call;
    let Some(cache) = cache else {
        site.warn_disabled(instance);
        count(&site.counters().loads);
        warm::ran(site);
        return inline(args).await;
    };
    let (tier, key, form) = (cache.tier_of(site), key.as_bytes(), cache.typed::<S::Value, R>(site));
    let policy = cache.policy(site);
    let hard = policy.hard.zip(rest.late).map(|(after, late)| Hard::from_now(after, late));
    let deadline = read::deadline(&cache);
    let deadline = hard.map_or(deadline, |hard| deadline.min(hard.at));
    let (can_receive, before, has_failed) = (can_receive::<S>, terms.before(), false);
    let load = Load { site, cache: &cache, tier, key, form, can_receive, before, deadline, has_failed };
    if let Some(every) = policy.refresh_every {
        keepers::keep(&cache, site, key, form, every, || (rest.again)(&args));
    }
    let fresh = Fresh { policy, hard, load, terms: &terms };
    let ways = Ways { args, inline, background };
    // What no policy needs to see, `hit` has answered.
    if site.policy().looks_at_hits() || site.is_tagged() {
        let mark = tier.mark();
        let found = tier.find(key, form, site.is_strict(), site.is_tagged());
        if let Some(seen) = found.filter(Seen::is_fresh) {
            return fresh.hit::<S, R, A, F>(seen, mark, ways).await;
        }
    }
    // On the heap, as in `read::read`.
    let mut answer = Box::pin(fresh.answer::<S, R, A, F>(ways));
    crate::trace::miss(site, within::bounded(hard, key, answer.as_mut())).await
}

/// What few functions have: what loads again and again, and what they give up with.
pub(crate) struct Rest<K, O> {
    pub(crate) again: K,
    pub(crate) late: Option<Late<O>>,
}

/// The ways to run the body.
struct Ways<A, I, B> {
    args: A,
    inline: I,
    background: B,
}

/// A call that returns an `O`, and what its function says of time.
struct Fresh<'a, P, O> {
    load: Load<'a>,
    terms: &'a P,
    policy: Policy,
    hard: Option<Hard<O>>,
}

impl<P, O: 'static> Fresh<'_, P, O> {
    async fn answer<S, R, A, F>(self, ways: Ways<A, impl FnOnce(A) -> F, impl Fn(&A) -> Option<Start>>) -> O
    where
        S: Sharing<Output = O>,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        match self.load.seated().await {
            Seated::Leads(lead) => self.lead::<S, R, A, F>(lead, ways).await,
            Seated::Answered(outcome) => received::<S>(outcome),
            Seated::Alone => self.alone((ways.inline)(ways.args)).await,
        }
    }

    async fn lead<S, R, A, F>(
        self,
        mut lead: Lead<LeaseGuard>,
        ways: Ways<A, impl FnOnce(A) -> F, impl Fn(&A) -> Option<Start>>,
    ) -> O
    where
        S: Sharing<Output = O>,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        let Ways { args, inline, background } = ways;
        if let Some(output) = self.gives_up() {
            return output;
        }
        if let (Tier::Shared(l2), true) = (self.load.tier, self.load.site.is_raw()) {
            let (lender, body) = (Lender::new(), pin!(inline(args)));
            let flow = Box::pin(self.load.lead_raw(l2, lead, lender.lend()));
            return Lending::<S, &P>::new(flow, &lender, self.terms).with(body).await;
        }
        if lead.lease().is_none() {
            loop {
                match self.look_up(&mut lead).await {
                    Next::Load => break,
                    Next::Take(seen, mark) => {
                        lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&seen.value))));
                        let ways = Ways { args, inline, background };
                        return self.hit::<S, R, A, F>(seen, mark, ways).await;
                    }
                    Next::TakeStale(seen, mark) => {
                        lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&seen.value))));
                        if let Some(mark) = mark
                            && let Begun::Go(place) = self.load.cache.inner.refreshers.begin(self.load.key)
                            && let Some(start) = background(&args)
                        {
                            self.refresh(start, self.ticket(&seen, mark, place), None);
                        }
                        return S::output(self.stale(&seen));
                    }
                    Next::Replace(seen, ticket) => {
                        let soft = self.policy.timeout.or(self.hard.as_ref().map(Hard::soft));
                        let Some((soft, start)) = soft.and_then(|soft| Some((soft, background(&args)?)))
                        else {
                            return self.replace::<S, R, F>(lead, seen, *ticket, pin!(inline(args))).await;
                        };
                        let (sender, ended) = oneshot::channel();
                        self.refresh(start, *ticket, Some(sender));
                        let late = tokio::time::timeout(soft, ended).await.is_err();
                        if late && let Some(seen) = self.look_again(&lead, &seen).await {
                            lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&seen.value))));
                            return S::output(self.stale(&seen));
                        }
                        // What it brought is stored, or it rests now; or an invalidation came.
                    }
                }
            }
        }
        if let Some(output) = self.gives_up() {
            return output;
        }
        if self.hard.is_some()
            && let Some(start) = background(&args)
        {
            let answer = |value: Loaded| value.downcast().ok().map(|value| S::output(*value));
            return self.apart(lead, start, || inline(args), answer).await;
        }
        self.load.count(|counters| &counters.loads);
        warm::ran(self.load.site);
        lead.progress(Progress::LoadStarted);
        let (output, cost) = self.load.run(&lead, pin!(inline(args))).await;
        self.load.settle_output::<S, P>(lead, &output, self.terms, cost).await;
        output
    }

    /// A fresh value: extended or refreshed early, if it is time.
    async fn hit<S, R, A, F>(
        self,
        seen: Seen,
        mark: u64,
        ways: Ways<A, impl FnOnce(A) -> F, impl Fn(&A) -> Option<Start>>,
    ) -> O
    where
        S: Sharing<Output = O>,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        self.extend(&seen);
        if self.policy.early
            && is_early(seen.age, seen.stamp, chance::random())
            && let Begun::Go(place) = self.load.cache.inner.refreshers.begin(self.load.key)
        {
            let ticket = self.ticket(&seen, mark, place);
            if let Some(start) = (ways.background)(&ways.args) {
                self.refresh(start, ticket, None);
            } else if let Leased::Ours(mut ticket) = ticket.leased().await {
                ticket.note(self.load.before).await;
                self.load.count(|counters| &counters.loads);
                warm::ran(self.load.site);
                let ttl = self.load.cache.inner.settings.lease;
                let body = pin!((ways.inline)(ways.args));
                let (output, cost) = read::run(ticket.lease(), ttl, body).await;
                let failed = S::is_error(&output);
                ticket.settle::<S, R, P>(self.load.site, self.terms, &output, cost).await;
                if !failed {
                    return output;
                }
                // What is stored was looked up before the load, and is this call's alone.
            }
        }
        self.load.count(|counters| &counters.hits);
        S::output(owned(seen.value))
    }

    /// Loads in place of what is stale, which serves if that fails.
    async fn replace<S, R, F>(
        self,
        lead: Lead<LeaseGuard>,
        seen: Seen,
        mut ticket: Ticket,
        body: Pin<&mut F>,
    ) -> O
    where
        S: Sharing<Output = O>,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        self.load.count(|counters| &counters.loads);
        warm::ran(self.load.site);
        ticket.note(self.load.before).await;
        lead.progress(Progress::LoadStarted);
        let ttl = self.load.cache.inner.settings.lease;
        let (output, cost) = read::run(ticket.lease(), ttl, body).await;
        let failed = S::is_error(&output);
        if !failed {
            lead.progress(Progress::SettleSent);
        }
        let ending = ticket.settle::<S, R, P>(self.load.site, self.terms, &output, cost).await;
        if failed && let Some(seen) = self.look_again(&lead, &seen).await {
            lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&seen.value))));
            return S::output(self.stale(&seen));
        }
        match S::value(&output) {
            Some(value) => drop(lead.end(ending, Some(Outcome::Value(Arc::new(value.clone()))))),
            None => {
                let rest = rest::<S>(&lead, &output);
                self.load.release(lead, rest).await;
            }
        }
        output
    }

    /// What is stored now, and may still be served: an invalidation may have come since the call began, and
    /// callers who came after it wait for this one.
    async fn look_again(&self, lead: &Lead<LeaseGuard>, before: &Seen) -> Option<Seen> {
        lead.progress(Progress::LookupSent);
        if mutants::is(Mutant::StaleNotLookedUpAgain) {
            return Some(before.clone());
        }
        let Load { site, tier, key, form, .. } = self.load;
        let glimpse = tier.glimpse_current(key, form, site.is_tagged()).await.ok()??;
        Some(glimpse.seen()).filter(|seen| seen.judged_by(self.policy.windows) != Freshness::Gone)
    }

    /// Runs a refresh of its own, which goes on when this call is over.
    fn refresh(&self, start: Start, ticket: Ticket, ended: Option<oneshot::Sender<()>>) {
        let (form, is_tagged) = (self.load.form, self.load.site.is_tagged());
        self.spawn(async move {
            // A place that is taken elsewhere, or a store that would not store: nothing to do.
            let ticket = match ticket.lease().is_some() || ended.is_some() {
                true => ticket,
                false => match ticket.leased().await {
                    // Another process may have ended its own between the lookup and the lease.
                    Leased::Ours(ticket) if ticket.stands(form, is_tagged).await => ticket,
                    Leased::Ours(_) | Leased::Theirs | Leased::Unknown(_) => return,
                },
            };
            start(ticket).await;
            if let Some(ended) = ended {
                // Whoever waited may have left.
                let _ = ended.send(());
            }
        });
    }

    /// Runs a task in the scope that the call is in.
    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let scope = current::scoped();
        self.load.cache.inner.tasks.spawn_awaited(async move {
            match scope {
                Some(cache) => cache.scope(task).await,
                None => task.await,
            }
        })
    }

    fn ticket(&self, seen: &Seen, mark: u64, place: refreshers::Place) -> Ticket {
        let Load { cache, tier, key, .. } = self.load;
        let right = Right::Replace { fill_id: seen.fill_id, mark, place, lease: None };
        Ticket::new(cache.clone(), tier.clone(), key.into(), right)
    }

    /// Extends the time of what is hit, if it has an `idle` and was not extended just now.
    fn extend(&self, seen: &Seen) {
        let Load { cache, tier, key, .. } = self.load;
        let Some(idle) = self.policy.idle else { return };
        if cache.inner.touches.is_due(seen.fill_id, seen.age, idle)
            && let Some(left) = idle_left(idle, seen.age, seen.stamp.fresh, self.policy.windows)
        {
            if mutants::is(Mutant::IdlePutsBack) {
                let (form, lease) = (self.load.form, cache.inner.settings.lease);
                self.spawn(touches::put_back(tier.clone(), key.into(), form, lease, seen.clone()));
            }
            tier.touch_later(key, seen, left);
        }
    }

    /// A hit that is past its ttl.
    fn stale<V: Local>(&self, seen: &Seen) -> V {
        self.load.count(|counters| &counters.hits);
        self.load.count(|counters| &counters.stale);
        owned(Arc::clone(&seen.value))
    }
}
