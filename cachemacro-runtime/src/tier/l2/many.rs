//! Many keys read in one round trip.

use std::sync::Arc;

use super::L2;
use crate::codec::Reach;
use crate::form::Form;
use crate::key::ERA_KEY;
use crate::shape::Local;
use crate::store::Found;
use crate::tier::Seen;

impl L2 {
    /// The values under these keys where they can be served as they are. Whatever else is there, or fails, is
    /// left to a lookup.
    pub(crate) async fn read_many<V: Local, R: Reach<V>>(
        &self,
        keys: &[&[u8]],
        form: Form,
    ) -> Vec<Option<Arc<V>>> {
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
            let value = Arc::new(R::open(self.codec, form, &entry.payload).ok()?);
            let seen = Seen::of(&entry, R::stamp(&entry.payload), value);
            // An invalidation here, not yet delivered there, may have come while the read was under way.
            if self.journal.holds(key) {
                return None;
            }
            self.keep::<V, R>(key, ticket, form, &seen, &entry);
            // What is past its ttl is kept for a function that serves such.
            seen.is_fresh().then_some(seen.value)
        });
        admitted.into_iter().map(|is_asked| if is_asked { answers.next().flatten() } else { None }).collect()
    }
}
