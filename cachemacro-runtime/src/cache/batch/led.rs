//! The ids of a batch that it leads: looked up in one round trip, and stored in one.
//!
//! Each has its own flight and its own lease, and the verdict of each says who may share its value, as for a call for it
//! alone. Whatever is not plainly a value or a lease goes on as such a call, with the seat that it has.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::notes;
use crate::cache::body::Valued;
use crate::cache::read::Load;
use crate::cache::read::settle::rest;
use crate::cache::warm;
use crate::error::Result;
use crate::flight::{Lead, Outcome, Seat};
use crate::policy::{Life, Terms};
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shared, Sharing};
use crate::store::{Permit, Verdict};
use crate::tag::{Before, Note, Noted, Tag};
use crate::task::join_all;
use crate::tier::{LeaseGuard, Sighting, Storing};

/// How it stands with an id after the lookup.
pub(super) enum Standing {
    Found(Shared),
    /// Its lease is held: it is to be loaded.
    Leased(Lead<LeaseGuard>),
    /// It goes on by itself; the store may have just not answered for it.
    Alone {
        seat: Seat<LeaseGuard>,
        has_failed: bool,
    },
}

/// Takes a seat for each of these calls, and looks up those that lead; the answers come in their order.
///
/// # Cancel safety
///
/// Safe: what has a seat or a lease gives it up.
pub(super) async fn lead(loads: &[Load<'_>]) -> Vec<Standing> {
    let Some(Load { cache, tier, site, form, .. }) = loads.first() else { return Vec::new() };
    let seats: Vec<Seat<LeaseGuard>> = loads.iter().map(|load| cache.inner.flights.enter(load.key)).collect();
    let leading =
        || loads.iter().zip(&seats).filter(|(_, seat)| matches!(seat, Seat::Lead(_))).map(|(load, _)| load);
    for seat in &seats {
        if let Seat::Lead(lead) = seat {
            lead.progress(Progress::LookupSent);
        }
    }
    let lease = cache.inner.settings.lease;
    let before: Vec<Before<'_>> = leading().map(|load| load.before).collect();
    let noted = notes::before(tier, lease, &before).await;
    let mut noted = match noted {
        Ok(noted) => noted.into_iter(),
        // Nothing can be stored under their tags now: each finds out by itself why.
        Err(_) => return seats.into_iter().map(|seat| Standing::Alone { seat, has_failed: false }).collect(),
    };
    let keys: Vec<&[u8]> = leading().map(|load| load.key).collect();
    let mut sightings = tier.lookup_many(&keys, *form, lease).await.into_iter();
    let standings = loads.iter().zip(seats).map(|(load, seat)| {
        let Seat::Lead(mut lead) = seat else { return Standing::Alone { seat, has_failed: false } };
        match (sightings.next(), noted.next()) {
            // What stands under tags is looked up with them.
            (Some(Sighting::Hit(seen)), _) if seen.is_fresh() && !site.is_tagged() => {
                lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&seen.value))));
                load.count(|counters| &counters.hits);
                Standing::Found(seen.value)
            }
            (Some(Sighting::Lead(mut lease)), Some(noted)) => {
                lease.note(noted);
                lead.hold(lease);
                lead.progress(Progress::LoadStarted);
                load.count(|counters| &counters.loads);
                warm::ran(site);
                Standing::Leased(lead)
            }
            (Some(Sighting::Failed(error)), _) => {
                load.report(&error);
                Standing::Alone { seat: Seat::Lead(lead), has_failed: true }
            }
            _ => Standing::Alone { seat: Seat::Lead(lead), has_failed: false },
        }
    });
    standings.collect()
}

/// Members of a batch whose leases are held, until they are settled.
// std's mutex: held for a few moves, never across an await.
pub(super) struct Led<'a, P> {
    members: Mutex<Vec<Option<Member<'a, P>>>>,
    since: Instant,
    /// How long a lease holds.
    lease: Duration,
}

struct Member<'a, P> {
    load: Load<'a>,
    terms: &'a P,
    lead: Lead<LeaseGuard>,
}

/// A member on its way to its end.
struct Settling<'a, S: Sharing> {
    member: usize,
    load: Load<'a>,
    lead: Lead<LeaseGuard>,
    output: S::Output,
    outcome: Option<Outcome>,
    step: Step,
}

/// What it takes.
enum Step {
    Fill(Filling),
    Release,
    /// Nothing is asked of the store.
    Nothing(Ending),
}

/// A value that is to be stored.
struct Filling {
    value: Shared,
    life: Life,
    /// The tags that it names.
    of_value: Vec<Tag>,
    /// The versions to store it with.
    notes: Vec<Note>,
}

impl<'a, P> Led<'a, P> {
    /// None of so many members.
    pub(super) fn new(lease: Duration) -> Self {
        Self { members: Mutex::new(Vec::new()), since: Instant::now(), lease }
    }

    /// Adds the next member: one that leads, or one that goes by itself.
    pub(super) fn push(&self, led: Option<(Load<'a>, &'a P, Lead<LeaseGuard>)>) {
        self.lock().push(led.map(|(load, terms, lead)| Member { load, terms, lead }));
    }

    /// Keeps the leases of those that are not settled, for as long as it is polled.
    pub(super) async fn keep(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            for member in self.lock().iter().flatten() {
                if let Some(lease) = member.lead.lease() {
                    lease.renew(self.lease);
                }
            }
        }
    }

    /// Stores what can be stored of what was loaded, and gives to others what they may take.
    pub(super) async fn settle<S>(&self, came: Vec<(usize, S::Output)>) -> Vec<(usize, S::Output)>
    where
        S: Sharing<Value: Local>,
        P: Terms<S::Found>,
    {
        let cost = self.since.elapsed();
        let mut settling: Vec<Settling<'_, S>> = {
            let mut members = self.lock();
            let taken = came
                .into_iter()
                .filter_map(|(member, output)| Some((member, members[member].take()?, output)));
            taken.map(|(member, led, output)| self.decided(member, led, output, cost)).collect()
        };
        self.note(&mut settling).await;
        let (filled, released) = tokio::join!(fill(&settling), release(&settling));
        let endings =
            settling.iter().zip(filled.into_iter().zip(released)).map(|(settling, came)| async move {
                let Settling { load, lead, step, .. } = settling;
                let Some(lease) = lead.lease() else { return Ending::Unsettled };
                let Noted { notes, epochs } = lease.noted();
                match (step, came) {
                    (Step::Nothing(ending), _) => *ending,
                    (Step::Fill(filling), (Some(Ok(Verdict::Accepted)), _)) => {
                        let epochs = if filling.of_value.is_empty() { &epochs[..] } else { &[] };
                        load.settled(lead, lease, &[&filling.notes, epochs]).await
                    }
                    (Step::Release, (_, Some(Ok(Verdict::Accepted)))) => {
                        load.settled(lead, lease, &[notes, epochs]).await
                    }
                    _ => Ending::Unsettled,
                }
            });
        let endings = join_all(endings).await;
        let over = settling.drain(..).zip(endings).map(|(settling, ending)| {
            let Settling { member, lead, output, outcome, .. } = settling;
            // The value stands where the lease stood, or it was released.
            if let Some(lease) = lead.end(ending, outcome)
                && ending == Ending::Settled
            {
                lease.forget();
            }
            (member, output)
        });
        over.collect()
    }

    /// What is to be done about a member that was loaded.
    fn decided<S>(
        &self,
        member: usize,
        led: Member<'a, P>,
        output: S::Output,
        cost: Duration,
    ) -> Settling<'a, S>
    where
        S: Sharing<Value: Local>,
        P: Terms<S::Found>,
    {
        let Member { load, terms, lead } = led;
        let (outcome, step) = match Valued::of::<S, P>(&output, terms) {
            None => {
                load.count(|counters| &counters.failures);
                let outcome = rest::<S>(&lead, &output).map(Outcome::Rest);
                // What nobody takes is not waited for: the lease is dropped, and released in the background.
                let step = if outcome.is_some() { Step::Release } else { Step::Nothing(Ending::Unshared) };
                (outcome, step)
            }
            Some(valued) => {
                let life = load.cache.life(load.site, &valued, cost);
                let Valued { value, tags: of_value, .. } = valued;
                let step = match life {
                    Some(_) if lead.lease().is_none_or(|lease| lease.is_over(self.lease)) => {
                        load.count(|counters| &counters.refused);
                        Step::Nothing(Ending::Unsettled)
                    }
                    Some(life) => {
                        Step::Fill(Filling { value: Arc::clone(&value), life, of_value, notes: Vec::new() })
                    }
                    None => {
                        load.count(|counters| &counters.failures);
                        Step::Release
                    }
                };
                (Some(Outcome::Value(value)), step)
            }
        };
        if !matches!(step, Step::Nothing(_)) {
            lead.progress(Progress::SettleSent);
        }
        Settling { member, load, lead, output, outcome, step }
    }

    /// Notes the versions that values are stored with; one whose tags cannot be told now is not.
    async fn note<S: Sharing>(&self, settling: &mut [Settling<'_, S>]) {
        let Some(Settling { load, .. }) = settling.first() else { return };
        if !load.site.is_tagged() {
            return;
        }
        let fills = settling.iter().filter_map(|Settling { lead, step, .. }| match (step, lead.lease()) {
            (Step::Fill(filling), Some(lease)) => Some((lease.noted(), &filling.of_value[..])),
            _ => None,
        });
        let fills: Vec<_> = fills.collect();
        let mut noted = notes::after(load.tier, self.lease, &fills).await.into_iter();
        for Settling { load, step, .. } in settling {
            let Step::Fill(filling) = step else { continue };
            match noted.next().flatten() {
                Some(notes) => filling.notes = notes,
                None => {
                    load.count(|counters| &counters.refused);
                    *step = Step::Nothing(Ending::Unsettled);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Member<'a, P>>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores the values of those who have one that is to be stored, and says of these what came of it.
async fn fill<S: Sharing>(settling: &[Settling<'_, S>]) -> Vec<Option<Result<Verdict>>> {
    let storings = settling.iter().filter_map(|Settling { load, lead, step, .. }| {
        let (Step::Fill(filling), Some(lease)) = (step, lead.lease()) else { return None };
        let Filling { value, life, notes, .. } = filling;
        let (key, form, permit) = (load.key, load.form, Permit::Lease(lease.token()));
        let notes = load.site.is_tagged().then_some(&notes[..]);
        Some(Storing { key, form, permit, mark: lease.mark(), notes, value, life: *life })
    });
    let storings: Vec<Storing<'_>> = storings.collect();
    let mut verdicts = match settling.first() {
        Some(Settling { load, .. }) if !storings.is_empty() => {
            load.tier.fill_many(storings).await.into_iter()
        }
        _ => Vec::new().into_iter(),
    };
    let told = settling.iter().map(|Settling { load, step, .. }| {
        let verdict = matches!(step, Step::Fill(..)).then(|| verdicts.next()).flatten();
        match &verdict {
            None => {}
            Some(Ok(Verdict::Accepted)) => {
                load.count(|counters| &counters.stored);
                warm::stored(load.site);
            }
            Some(Ok(Verdict::Refused)) => load.count(|counters| &counters.refused),
            Some(Err(error)) => {
                load.report(error);
                load.count(|counters| &counters.outages);
            }
        }
        verdict
    });
    told.collect()
}

/// Gives up the leases of those whose values are not to be stored. That one was still held proves the load fresh.
async fn release<S: Sharing>(settling: &[Settling<'_, S>]) -> Vec<Option<Result<Verdict>>> {
    let leases = settling.iter().filter_map(|Settling { load, lead, step, .. }| {
        let (Step::Release, Some(lease)) = (step, lead.lease()) else { return None };
        Some((load.key, lease.token(), lease.mark()))
    });
    let leases: Vec<_> = leases.collect();
    let mut verdicts = match settling.first() {
        Some(Settling { load, .. }) if !leases.is_empty() => {
            load.tier.release_many(&leases).await.into_iter()
        }
        _ => Vec::new().into_iter(),
    };
    settling
        .iter()
        .map(|settling| matches!(settling.step, Step::Release).then(|| verdicts.next()).flatten())
        .collect()
}
