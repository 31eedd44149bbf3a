//! A load of a key that is shared with other programs: no lease is taken, and the value is stored as it comes.
//!
//! Nothing proves the load fresh but the load itself, so that only those take its result who came before
//! its body ran.

use tokio::time::Instant;

use crate::cache::body::{Answer, Lent};
use crate::cache::read::Load;
use crate::cache::warm;
use crate::error::ErrorKind;
use crate::flight::{Lead, Outcome};
use crate::protocol::flight::{Ending, Progress};
use crate::tier::{L2, LeaseGuard};

impl Load<'_> {
    pub(in crate::cache) async fn lead_raw(&self, l2: &L2, lead: Lead<LeaseGuard>, lent: Lent<'_>) -> Answer {
        lead.progress(Progress::LookupSent);
        let is_reachable = match l2.read_raw(self.key, self.form).await {
            Ok(Some(found)) => {
                let outcome = Outcome::Value(found.value);
                lead.end(Ending::Hit, Some(outcome.clone()));
                self.count(|counters| &counters.hits);
                return Answer::Of(outcome);
            }
            Ok(None) => true,
            Err(error) => {
                self.report(&error);
                // What cannot be read is replaced.
                error.kind() == ErrorKind::Unreadable
            }
        };
        self.count(|counters| &counters.loads);
        warm::ran(self.site);
        lead.progress(Progress::LoadStarted);
        let start = Instant::now();
        let valued = lent.body().await;
        let cost = start.elapsed();
        let Some(valued) = valued else {
            self.count(|counters| &counters.failures);
            let rest = if lead.is_awaited() { lent.rest().await } else { None };
            let ending = if rest.is_some() { Ending::Unsettled } else { Ending::Unshared };
            lead.end(ending, rest.map(Outcome::Rest));
            return Answer::Own;
        };
        match self.cache.life(self.site, &valued, cost) {
            None => self.count(|counters| &counters.failures),
            Some(_) if !is_reachable => self.count(|counters| &counters.outages),
            Some(life) => match l2.write_raw(self.key, self.form, &valued.value, life).await {
                Ok(()) => {
                    self.count(|counters| &counters.stored);
                    warm::stored(self.site);
                }
                Err(error) => {
                    self.report(&error);
                    self.count(|counters| &counters.outages);
                }
            },
        }
        lead.end(Ending::Unsettled, Some(Outcome::Value(valued.value)));
        Answer::Own
    }
}
