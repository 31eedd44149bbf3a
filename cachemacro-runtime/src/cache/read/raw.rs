//! A load of a key that is shared with other programs: no lease is taken, and the value is stored as it comes.
//!
//! Nothing proves the load fresh but the load itself, so that only those take its result who came before
//! its body ran.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

use crate::cache::read::Load;
use crate::cache::warm;
use crate::error::ErrorKind;
use crate::flight::{Lead, Outcome};
use crate::policy::Terms;
use crate::protocol::flight::{Ending, Progress};
use crate::shape::{Local, Shared, Sharing, owned};
use crate::tier::{L2, LeaseGuard};

impl<P> Load<'_, P> {
    pub(in crate::cache) async fn lead_raw<S, F>(
        self,
        l2: &L2,
        lead: Lead<LeaseGuard>,
        body: Pin<&mut F>,
    ) -> S::Output
    where
        S: Sharing,
        S::Value: Local,
        P: Terms<S::Found>,
        F: Future<Output = S::Output>,
    {
        lead.progress(Progress::LookupSent);
        let is_reachable = match l2.read_raw(self.key, self.form).await {
            Ok(Some(found)) => {
                lead.end(Ending::Hit, Some(Outcome::Value(Arc::clone(&found.value))));
                self.count(|counters| &counters.hits);
                return S::output(owned(found.value));
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
        let output = body.await;
        let cost = start.elapsed();
        let Some(value) = S::value(&output) else {
            self.count(|counters| &counters.failures);
            let outcome = if lead.is_awaited() { S::share(&output).map(Outcome::Rest) } else { None };
            let ending = if outcome.is_some() { Ending::Unsettled } else { Ending::Unshared };
            lead.end(ending, outcome);
            return output;
        };
        let life = self.cache.life(self.site, &self.terms, S::found(value), cost);
        let shared: Shared = Arc::new(value.clone());
        match life {
            None => self.count(|counters| &counters.failures),
            Some(_) if !is_reachable => self.count(|counters| &counters.outages),
            Some(life) => match l2.write_raw(self.key, self.form, &shared, life).await {
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
        lead.end(Ending::Unsettled, Some(Outcome::Value(shared)));
        output
    }
}
