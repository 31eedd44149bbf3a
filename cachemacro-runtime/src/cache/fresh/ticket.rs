//! A load without a caller: what it may store, and what keeps others from doing the same.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::cache::body::{Valued, can_receive};
use crate::cache::read::{Load, deadline, run};
use crate::cache::{Cache, Call, warm};
use crate::codec::{InProcess, Reach, Typed};
use crate::flight::Lead;
use crate::form::Form;
use crate::journal::Doomed;
use crate::mutants::{self, Mutant};
use crate::policy::Terms;
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shape, Sharing};
use crate::site::{Site, count};
use crate::store::{Permit, Token, Verdict};
use crate::tag::{Before, Noted};
use crate::tier::{LeaseGuard, Sighting, Storing, Tier};

use super::Loaded;
use super::refreshers::Place;

/// What stands before a key to name the lease of its refresh: no function's keys begin so, and it lies outside
/// of what an invalidation by pattern finds.
const REFRESH: &[u8] = b"cachemacro:refresh:";

/// The right to load one key. Dropped, it is given up.
pub struct Ticket {
    pub(super) cache: Cache,
    pub(super) tier: Tier,
    pub(super) key: Arc<[u8]>,
    pub(super) right: Right,
    /// What its load begins under; nothing, if that is not known, and nothing to be stored.
    noted: Option<Noted>,
    /// Where a caller hears of the value before it is stored, as that may take longer than the caller has.
    loaded: Option<oneshot::Sender<Loaded>>,
}

/// What a load may store.
pub(super) enum Right {
    /// A value in place of one fill.
    Replace {
        /// What is replaced; anything else that is there by then is newer, or follows an invalidation.
        fill_id: Token,
        /// The tier's mark from before the lookup.
        mark: u64,
        place: Place,
        /// That no other process refreshes the key.
        lease: Option<LeaseGuard>,
    },
    /// A value where there is none, as the caller would.
    Lead(Lead<LeaseGuard>),
}

/// What came of asking for the lease of a refresh.
pub(super) enum Leased {
    Ours(Ticket),
    /// Another process refreshes.
    Theirs,
    /// The store grants none now.
    Unknown(Ticket),
}

impl Ticket {
    pub(super) fn new(cache: Cache, tier: Tier, key: Arc<[u8]>, right: Right) -> Self {
        Self { cache, tier, key, right, noted: Some(Noted::default()), loaded: None }
    }

    /// The same for the load of a call, which hears of its value as soon as there is one.
    pub(super) fn heard(mut self) -> (Self, oneshot::Receiver<Loaded>) {
        let (sender, loaded) = oneshot::channel();
        self.loaded = Some(sender);
        (self, loaded)
    }

    /// Notes what its load begins under, before it does.
    pub(super) async fn note(&mut self, before: Before<'_>) {
        if !before.is_empty() {
            self.noted = self.tier.note(before, self.cache.inner.settings.lease).await.ok();
        }
    }

    /// What keeps others from the same, where a lease does.
    pub(super) fn lease(&self) -> Option<&LeaseGuard> {
        match &self.right {
            Right::Replace { lease, .. } => lease.as_ref(),
            Right::Lead(lead) => lead.lease(),
        }
    }

    /// Takes the lease, where other processes may refresh as well.
    pub(super) async fn leased(mut self) -> Leased {
        let Right::Replace { lease: held, .. } = &mut self.right else { return Leased::Ours(self) };
        if !self.tier.is_shared() || mutants::is(Mutant::TwoRefreshers) {
            return Leased::Ours(self);
        }
        let key = [REFRESH, &self.key].concat();
        let ttl = self.cache.inner.settings.lease;
        // Nothing but leases is ever under it, so that its values are of no type.
        match self.tier.lookup(&key, &Typed::new::<(), InProcess>(Form::default()), ttl).await {
            Sighting::Lead(lease) => {
                *held = Some(lease);
                Leased::Ours(self)
            }
            Sighting::Failed(_) | Sighting::Moved | Sighting::Unfillable => Leased::Unknown(self),
            Sighting::Busy
            | Sighting::Hit(_)
            | Sighting::Guarded(_)
            | Sighting::Outdated(_)
            | Sighting::Unreadable(_) => Leased::Theirs,
        }
    }

    /// Whether what it replaces is still there. In this process, a refresh has its place until its value is.
    pub(super) async fn stands(&self, form: Typed, is_tagged: bool) -> bool {
        let Right::Replace { fill_id, .. } = &self.right else { return true };
        if !self.tier.is_shared() {
            return true;
        }
        let found = self.tier.glimpse_current(&self.key, form, is_tagged).await;
        found.is_ok_and(|found| found.is_some_and(|found| found.fill_id == *fill_id))
    }

    /// Stores what the load brought, if what it replaces still stands.
    pub(super) async fn settle<S, R, P>(
        self,
        site: &'static Site,
        terms: &P,
        output: &S::Output,
        cost: std::time::Duration,
    ) -> Ending
    where
        S: Shape,
        S::Value: Local,
        R: Reach<S::Value>,
        P: Terms<S::Found>,
    {
        let Self { cache, tier, key, right, noted, .. } = self;
        let Right::Replace { fill_id, mark, place, lease } = right else { return Ending::Unsettled };
        let counters = site.counters();
        if S::is_error(output) {
            count(&counters.failures);
            place.rest();
            return Ending::Unsettled;
        }
        let kept = cache.kept::<S, P>(site, output, terms, cost);
        let Some((Valued { value, tags: of_value, .. }, life)) = kept else {
            // There is no such value any more, or none to be kept: what is past its time goes.
            count(&counters.failures);
            if let Err(error) = tier.invalidate(&[Doomed { key: &key, site: Some(site) }], None).await {
                crate::trace::outage(site, &error);
            }
            return Ending::Unsettled;
        };
        let notes = match &noted {
            Some(noted) => tier.note_value(noted, &of_value, cache.inner.settings.lease).await,
            None => None,
        };
        let Some(notes) = notes else {
            count(&counters.refused);
            return Ending::Unsettled;
        };
        let (form, permit) = (cache.typed::<S::Value, R>(site), Permit::Replace(fill_id));
        let noted = site.is_tagged().then_some(&*notes);
        let storing = Storing { key: &key, form, permit, mark, notes: noted, value: &value, life };
        let ending = match tier.fill(storing).await {
            Ok(Verdict::Accepted) => {
                count(&counters.stored);
                warm::stored(site);
                // What is replaced knows of the key alone, and not of its tags, nor of all.
                match mutants::is(Mutant::TagSharedUnchecked) || tier.still_stands(fill_id, &notes).await {
                    true => Ending::Settled,
                    false => Ending::Unsettled,
                }
            }
            Ok(Verdict::Refused) => {
                count(&counters.refused);
                Ending::Unsettled
            }
            Err(error) => {
                crate::trace::outage(site, &error);
                count(&counters.outages);
                Ending::Unsettled
            }
        };
        // Until here nobody else was to refresh.
        drop((place, lease));
        ending
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("key", &String::from_utf8_lossy(&self.key)).finish_non_exhaustive()
    }
}

/// Runs a body in place of a caller, and stores what it brings.
pub(crate) async fn refresh<S, R, P, F>(ticket: Ticket, call: Call<'_, P>, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let Call { site, ttl: terms, .. } = call;
    let Ticket { cache, tier, key, right, loaded, .. } = ticket;
    let mut lead = match right {
        Right::Lead(lead) => lead,
        right => {
            count(&site.counters().refreshes);
            let mut ticket = Ticket::new(cache, tier, key, right);
            ticket.note(terms.before()).await;
            let ttl = ticket.cache.inner.settings.lease;
            let (output, cost) = run(ticket.lease(), ttl, body).await;
            ticket.settle::<S, R, P>(site, &terms, &output, cost).await;
            return output;
        }
    };
    let before = terms.before();
    // A lease that was taken without a caller has noted nothing. Where nothing can be noted, it is released.
    if !before.is_empty()
        && let Some(mut lease) = lead.take()
        && let Ok(noted) = tier.note(before, cache.inner.settings.lease).await
    {
        lease.note(noted);
        lead.hold(lease);
    }
    count(&site.counters().loads);
    lead.progress(Progress::LoadStarted);
    let (deadline, has_failed) = (deadline(&cache), false);
    let form = cache.typed::<S::Value, R>(site);
    let (can_receive, (cache, tier, key)) = (can_receive::<S>, (&cache, &tier, &*key));
    let load = Load { site, deadline, cache, tier, key, form, can_receive, before, has_failed };
    let (output, cost) = load.run(&lead, body).await;
    if let (Some(loaded), Some(value)) = (loaded, S::value(&output)) {
        // The caller may have left.
        let _ = loaded.send(Box::new(value.clone()));
    }
    if mutants::is(Mutant::LateLoadLeasedAnew)
        && let Sighting::Lead(lease) = tier.lookup(key, &form, cache.inner.settings.lease).await
    {
        lead.hold(lease);
    }
    load.settle_output::<S, P>(lead, &output, &terms, cost).await;
    output
}
