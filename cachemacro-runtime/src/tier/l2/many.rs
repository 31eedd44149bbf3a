//! Many keys in one round trip: read, looked up for their leases, filled, released.

use super::{L2, L2Sighting};
use crate::codec::{self, Typed};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Doomed;
use crate::key::ERA_KEY;
use crate::shape::Shared;
use crate::store::{Ask, Fill, Found, Lease, Token, Verdict};
use crate::tier::{Seen, Storing};

impl L2 {
    /// The values under these keys where they can be served as they are. Whatever else is there, or fails, is
    /// left to a lookup.
    pub(crate) async fn read_many(&self, keys: &[&[u8]], form: Typed) -> Vec<Option<Shared>> {
        let admitted: Vec<bool> = keys.iter().map(|key| self.admits(key).is_ok()).collect();
        let asked = || keys.iter().zip(&admitted).filter_map(|(key, is_asked)| is_asked.then_some(*key));
        let (asked, tickets): (Vec<&[u8]>, Vec<_>) =
            // Before the read is sent: what changes from here on is told, and refuses it.
            asked().map(|key| (key, self.near.as_ref().and_then(|near| near.ticket(key)))).unzip();
        let nothing = || keys.iter().map(|_| None).collect();
        if asked.is_empty() || self.gate.enter("read of many keys").is_err() {
            return nothing();
        }
        let mut all = asked.clone();
        all.extend(self.has_eras().then_some(ERA_KEY));
        let mut found = self.store().read_many(&all).await;
        let of_era = if self.has_eras() { found.pop() } else { None };
        let told = self.hear_era(of_era).await;
        self.gate.heard(found.iter().find_map(|found| match found {
            Found::Failed(error) => Some(error),
            _ => None,
        }));
        let mut answers = asked.iter().zip(tickets).zip(found).map(|((key, ticket), found)| {
            let Found::Hit(entry) = found else { return None };
            if !told.serves(entry.fill_id) {
                return None;
            }
            let value = form.open(self.codec, &entry.payload).ok()?;
            let seen = Seen::of(&entry, codec::stamp(&entry.payload), value);
            // An invalidation here, not yet delivered there, may have come while the read was under way.
            if self.journal.holds(key) {
                return None;
            }
            self.keep(key, ticket, form, &seen, &entry);
            // What is past its ttl is kept for a function that serves such.
            seen.is_fresh().then_some(seen.value)
        });
        admitted.into_iter().map(|is_asked| if is_asked { answers.next().flatten() } else { None }).collect()
    }

    /// Looks keys up, each under its own lease. What is neither a value nor a lease is left to a lookup of that key alone,
    /// as [`L2Sighting::Busy`]; a lease that is of no use, to be given up, is [`L2Sighting::Moved`].
    pub(crate) async fn lookup_many(&self, keys: &[&[u8]], form: Typed, leases: &[Lease]) -> Vec<L2Sighting> {
        let pairs = || keys.iter().zip(leases);
        if let Err(error) = self.gate.enter("lookup") {
            return pairs().map(|(key, _)| L2Sighting::Failed(error.clone().with_key(key))).collect();
        }
        let admitted: Vec<bool> = keys.iter().map(|key| self.admits(key).is_ok()).collect();
        // Before the lookup is sent: what changes from here on is told, and refuses it.
        let tickets: Vec<_> = keys.iter().map(|key| self.ticket(key)).collect();
        let asks: Vec<Ask<'_>> = pairs()
            .zip(&admitted)
            .filter(|(_, is_admitted)| **is_admitted)
            .map(|((key, lease), _)| Ask { key, lease: Some(*lease) })
            .collect();
        let (found, told) = tokio::join!(self.store().lookup(&asks), self.ask_era());
        self.gate.heard(found.iter().find_map(|found| match found {
            Found::Failed(error) => Some(error),
            _ => None,
        }));
        let mut found = found.into_iter();
        let sightings = pairs().zip(admitted).zip(tickets).map(|(((key, lease), is_admitted), ticket)| {
            match found.by_ref().take(usize::from(is_admitted)).next() {
                Some(Found::Lead) if told.serves(lease.token) => L2Sighting::Lead,
                Some(Found::Lead) => L2Sighting::Moved,
                Some(Found::Failed(error)) => L2Sighting::Failed(error),
                Some(Found::Hit(entry)) if told.serves(entry.fill_id) => {
                    let Ok(value) = form.open(self.codec, &entry.payload) else {
                        return L2Sighting::Busy;
                    };
                    // An invalidation here, not yet delivered there, may have come while the lookup was under way.
                    if self.journal.holds(key) {
                        return L2Sighting::Busy;
                    }
                    let seen = Seen::of(&entry, codec::stamp(&entry.payload), value);
                    self.keep(key, ticket, form, &seen, &entry);
                    L2Sighting::Hit(seen)
                }
                _ => L2Sighting::Busy,
            }
        });
        sightings.collect()
    }

    /// Stores values, each if its permit still stands.
    pub(crate) async fn fill_many(&self, storings: &[Storing<'_>]) -> Vec<Result<Verdict>> {
        let sealed: Vec<Result<Fill<'_>>> = storings.iter().map(|storing| self.sealed(storing)).collect();
        // Whoever asked for a refresh does not get the value from before it.
        let doomed: Vec<Doomed<'_>> =
            storings.iter().map(|storing| Doomed { key: storing.key, site: None }).collect();
        let _near = self.forgotten(&doomed);
        let fills: Vec<Fill<'_>> = sealed.iter().flatten().cloned().collect();
        let mut verdicts =
            self.ask_many("fill", fills.len(), self.store().fill_many(fills)).await.into_iter();
        let verdicts = sealed.into_iter().zip(storings).map(|(sealed, storing)| {
            sealed?;
            verdicts
                .next()
                .unwrap_or_else(|| Err(unanswered("fill")))
                .map(|verdict| self.confirm(verdict, storing.mark))
        });
        verdicts.collect()
    }

    /// Gives leases up, each with the mark from before its lookup, and says of each whether it was still held.
    pub(crate) async fn release_many(&self, leases: &[(&[u8], Token, u64)]) -> Vec<Result<Verdict>> {
        let asked: Vec<(&[u8], Token)> = leases.iter().map(|(key, token, _)| (*key, *token)).collect();
        let verdicts = self.ask_many("release", asked.len(), self.store().release_many(&asked)).await;
        let confirmed = verdicts
            .into_iter()
            .zip(leases)
            .map(|(verdict, (.., mark))| verdict.map(|verdict| self.confirm(verdict, *mark)));
        confirmed.collect()
    }

    /// Asks the store for so many verdicts, unless it is known not to answer.
    async fn ask_many(
        &self,
        operation: &'static str,
        count: usize,
        asking: impl Future<Output = Vec<Result<Verdict>>>,
    ) -> Vec<Result<Verdict>> {
        if count == 0 {
            return Vec::new();
        }
        if let Err(error) = self.gate.enter(operation) {
            return vec![Err(error); count];
        }
        let verdicts = asking.await;
        self.gate.heard(verdicts.iter().find_map(|verdict| verdict.as_ref().err()));
        verdicts
    }
}

fn unanswered(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "the store gave no answer for the key")
}
