//! A lookup beside others that are under way: one read answers all of them.

use super::L2;
use crate::codec::{self, Typed};
use crate::shape::Shared;
use crate::store::Found;
use crate::tier::seen::{Seen, is_fresh};

/// What a gathered read brought.
pub(crate) enum Gathering {
    Hit(Shared),
    /// Nothing that can be served as it is, or nobody who could be joined: whatever is there is left to a lookup.
    Nothing,
    /// The store did not answer.
    Failed(crate::error::Error),
}

impl L2 {
    /// The value that a read brings which is gathered with those of other callers, if it can be served as it is.
    pub(crate) async fn gathered(&self, key: &[u8], form: &Typed) -> Gathering {
        // With eras, what it brings would have to be judged by one that was asked for with it.
        if self.has_eras() || self.admits(key).is_err() {
            return Gathering::Nothing;
        }
        // Before the read is sent: what changes from here on is told, and refuses it.
        let ticket = self.near.as_ref().and_then(|near| near.ticket(key));
        let Some(gathered) = self.gatherers.join(key) else { return Gathering::Nothing };
        let entry = match gathered.await {
            Some(Found::Hit(entry)) => entry,
            Some(Found::Failed(error)) => return Gathering::Failed(error.with_key(key)),
            _ => return Gathering::Nothing,
        };
        let Ok(value) = form.open(self.codec, &entry.payload) else { return Gathering::Nothing };
        // An invalidation here, not yet delivered there, may have come while the read was under way.
        if self.journal.holds(key) {
            return Gathering::Nothing;
        }
        // What is past its ttl is kept for a function that serves such.
        let is_fresh = is_fresh(&entry, codec::stamp(&entry.payload));
        if ticket.is_none() {
            return if is_fresh { Gathering::Hit(value) } else { Gathering::Nothing };
        }
        let seen = Seen::of(&entry, codec::stamp(&entry.payload), value);
        self.keep(key, ticket, *form, &seen, &entry);
        if is_fresh { Gathering::Hit(seen.value) } else { Gathering::Nothing }
    }
}
