//! The end of a load: what of it is stored, and who may share it.

use std::time::Duration;

use super::Load;
use crate::cache::body::Valued;
use crate::cache::warm;
use crate::flight::{Lead, Outcome};
use crate::mutants::{self, Mutant};
use crate::policy::{Life, Terms};
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shared, Sharing};
use crate::store::{Permit, Verdict};
use crate::tag::{Note, Noted, Tag};
use crate::tier::{LeaseGuard, Storing};

impl Load<'_> {
    /// Settles what a body has returned.
    pub(in crate::cache) async fn settle_output<S, P>(
        &self,
        lead: Lead<LeaseGuard>,
        output: &S::Output,
        terms: &P,
        cost: Duration,
    ) where
        S: Sharing<Value: Local>,
        P: Terms<S::Found>,
    {
        let valued = Valued::of::<S, P>(output, terms);
        let rest = if valued.is_none() { rest::<S>(&lead, output) } else { None };
        self.settle(lead, valued, rest, cost).await;
    }

    /// Stores what can be stored, and gives to others what they may take: the value, or the rest.
    pub(in crate::cache) async fn settle(
        &self,
        lead: Lead<LeaseGuard>,
        valued: Option<Valued>,
        rest: Option<Shared>,
        cost: Duration,
    ) {
        let Some(valued) = valued else {
            self.count(|counters| &counters.failures);
            return self.release(lead, rest).await;
        };
        let ending = match self.cache.life(self.site, &valued, cost) {
            Some(life) => self.store(&lead, &valued, life).await,
            None => self.decline(&lead).await,
        };
        if let Some(lease) = lead.end(ending, Some(Outcome::Value(valued.value)))
            && ending == Ending::Settled
        {
            // The value stands where the lease stood, or it was released.
            lease.forget();
        }
    }

    async fn store(&self, lead: &Lead<LeaseGuard>, valued: &Valued, life: Life) -> Ending {
        let Valued { value, tags: of_value, .. } = valued;
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
    pub(in crate::cache) async fn settled(
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
    pub(in crate::cache) async fn release(&self, lead: Lead<LeaseGuard>, rest: Option<Shared>) {
        let outcome = rest.map(Outcome::Rest);
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
}

/// What others may have of an output that is no value, where somebody waits for it.
pub(in crate::cache) fn rest<S: Sharing>(lead: &Lead<LeaseGuard>, output: &S::Output) -> Option<Shared> {
    if lead.is_awaited() { S::share(output) } else { None }
}
