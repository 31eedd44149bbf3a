//! What a call finds, and what that leaves to do.

use std::pin::pin;

use tokio::time::Instant;

use super::Fresh;
use super::refreshers::Begun;
use super::ticket::{Leased, Ticket};
use crate::cache::read::{Load, POLL_MIN};
use crate::flight::Lead;
use crate::policy::Freshness;
use crate::protocol::flight::Progress;
use crate::tier::{LeaseGuard, Seen, Sighting};

/// What a lookup leaves to do.
pub(super) enum Next {
    /// Take this.
    Take(Seen, u64),
    /// Take this, and have it refreshed if there is a mark.
    TakeStale(Seen, Option<u64>),
    /// Replace this, by this right; take it if that fails.
    Replace(Seen, Box<Ticket>),
    /// Load, with the lease if there is one.
    Load,
}

impl<P, O: 'static> Fresh<'_, P, O> {
    /// Asks until it is known what to do.
    pub(super) async fn look_up(&self, lead: &mut Lead<LeaseGuard>) -> Next {
        let Load { cache, tier, key, form, before, deadline, .. } = self.load;
        let (mut pause, mut cleared) = (POLL_MIN, false);
        loop {
            lead.progress(Progress::LookupSent);
            let mark = tier.mark();
            // From before the lookup: a change that comes right after its answer is not missed.
            let mut change = pin!(tier.change(key));
            let lookup = tier.lookup_under(key, &form, cache.inner.settings.lease, before);
            let sighting = match &self.hard {
                Some(hard) => tokio::time::timeout(hard.lookup(), lookup).await,
                None => Ok(lookup.await),
            };
            let Ok(sighting) = sighting else {
                self.load.count(|counters| &counters.outages);
                return Next::Load;
            };
            let (seen, replaceable) = match sighting {
                Sighting::Lead(lease) => {
                    lead.hold(lease);
                    return Next::Load;
                }
                Sighting::Hit(seen) => (seen, true),
                // Nobody was told otherwise yet; but nothing can replace it now.
                Sighting::Guarded(Some(seen)) => (seen, false),
                Sighting::Guarded(None) => {
                    self.load.count(|counters| &counters.refused);
                    return Next::Load;
                }
                Sighting::Busy if Instant::now() < deadline => {
                    self.load.wait(change.as_mut(), &mut pause).await;
                    continue;
                }
                // The next one is of the era of now.
                Sighting::Moved if Instant::now() < deadline => continue,
                // Past its time or not, it is never served. Once it is gone, there is a lease to be had.
                Sighting::Outdated(fill_id) if Instant::now() < deadline => {
                    match tier.discard(key, fill_id).await {
                        Ok(()) => continue,
                        Err(error) => self.load.report(&error),
                    }
                    self.load.count(|counters| &counters.outages);
                    return Next::Load;
                }
                Sighting::Unreadable(error) if !cleared => {
                    self.load.report(&error);
                    cleared = true;
                    if self.load.clear().await.is_ok() {
                        continue;
                    }
                    self.load.count(|counters| &counters.outages);
                    return Next::Load;
                }
                Sighting::Unreadable(error) | Sighting::Failed(error) => {
                    self.load.report(&error);
                    self.load.count(|counters| &counters.outages);
                    return Next::Load;
                }
                Sighting::Busy | Sighting::Moved | Sighting::Outdated(_) | Sighting::Unfillable => {
                    self.load.count(|counters| &counters.outages);
                    return Next::Load;
                }
            };
            match (seen.judged_by(self.policy.windows), replaceable) {
                (Freshness::Fresh, _) => return Next::Take(seen, mark),
                (Freshness::Stale, replaceable) => {
                    return Next::TakeStale(seen, replaceable.then_some(mark));
                }
                (Freshness::IfError, true) => match cache.inner.refreshers.begin(key) {
                    Begun::Resting => return Next::TakeStale(seen, None),
                    Begun::Go(place) => match self.ticket(&seen, mark, place).leased().await {
                        Leased::Ours(ticket) | Leased::Unknown(ticket) => {
                            return Next::Replace(seen, Box::new(ticket));
                        }
                        Leased::Theirs if Instant::now() < deadline => {
                            self.load.wait(change.as_mut(), &mut pause).await
                        }
                        Leased::Theirs => return Next::Load,
                    },
                    Begun::Running if Instant::now() < deadline => {
                        self.load.wait(change.as_mut(), &mut pause).await
                    }
                    Begun::Running => return Next::Load,
                },
                // Kept for a function whose windows are longer than this one's.
                (Freshness::Gone, true) if !cleared => {
                    cleared = true;
                    // That fill alone: another reader may have made room already, and lead.
                    if let Err(error) = tier.discard(key, seen.fill_id).await {
                        self.load.report(&error);
                        self.load.count(|counters| &counters.outages);
                        return Next::Load;
                    }
                }
                (Freshness::Gone | Freshness::IfError, _) => {
                    self.load.count(|counters| &counters.refused);
                    return Next::Load;
                }
            }
        }
    }
}
