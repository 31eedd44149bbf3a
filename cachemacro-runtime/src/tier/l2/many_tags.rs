//! Many keys read with all their tags: one round trip, and one more for tags that values name.

use std::collections::HashMap;
use std::sync::Arc;

use super::L2;
use super::tagged::{failure, version};
use crate::codec::Typed;
use crate::key::ERA_KEY;
use crate::protocol::tags::{Found as OfTag, Standing, judge};
use crate::shape::Shared;
use crate::store::{Entry, Found};
use crate::tag::{self, Before, Note, Tag};
use crate::tier::Seen;

/// A value whose tags are as they were, as far as they are known before it is read.
struct Read {
    notes: Vec<Note>,
    seen: Seen,
    entry: Entry,
    /// How many of the notes are of tags that the value has named.
    of_value: usize,
}

impl L2 {
    /// The values under these keys where they can be served as they are. Whatever else is there, or fails, or has a tag
    /// that has no version now, is left to a lookup.
    pub(crate) async fn read_many_under(
        &self,
        keys: &[&[u8]],
        form: Typed,
        before: &[Before<'_>],
    ) -> Vec<Option<Shared>> {
        let admits = |(key, before): (&&[u8], &Before<'_>)| self.admits_all(key, before.tags).is_ok();
        let admitted: Vec<bool> = keys.iter().zip(before).map(admits).collect();
        let asked = || admitted.iter().enumerate().filter(|(_, is_asked)| **is_asked).map(|(at, _)| at);
        let nothing = || keys.iter().map(|_| None).collect();
        if asked().next().is_none() || self.gate.enter("read of many keys").is_err() {
            return nothing();
        }
        // Before the read is sent: what changes from here on is told, and refuses it.
        let tickets: Vec<_> = keys.iter().map(|key| self.ticket(key)).collect();
        let tags: Vec<&Tag> = asked().flat_map(|at| before[at].tags).collect();
        let all = asked().map(|at| keys[at]).chain(self.has_eras().then_some(ERA_KEY));
        let (found, of_tags) = self.read_with(all.collect(), &tags).await;
        let mut found = found.into_iter();
        let of_keys: Vec<Found> = found.by_ref().take(asked().count()).collect();
        let told = self.hear_era(found.next()).await;
        let mut read: Vec<Option<Read>> = keys.iter().map(|_| None).collect();
        for (at, found) in asked().zip(of_keys) {
            let Found::Hit(entry) = found else { continue };
            let Some((notes, seen)) =
                told.serves(entry.fill_id).then(|| self.opened(keys[at], form, &entry).ok()).flatten()
            else {
                continue;
            };
            let versions: Vec<OfTag> =
                before[at].tags.iter().map(|tag| of_tags.get(tag).copied().unwrap_or(OfTag::None)).collect();
            let (standing, of_value) = tag::standing(&notes, before[at], &versions);
            if standing == Standing::Current {
                let of_value = of_value.len();
                read[at] = Some(Read { notes, seen, entry, of_value });
            }
        }
        let named = |read: &Read| read.notes.len() - read.of_value;
        let named_tags: Vec<&Tag> = read
            .iter()
            .flatten()
            .flat_map(|read| read.notes[named(read)..].iter().map(|note| &note.tag))
            .collect();
        let of_values = match named_tags.is_empty() {
            true => HashMap::new(),
            false => self.read_with(Vec::new(), &named_tags).await.1,
        };
        let served = read.iter().zip(keys).zip(tickets).map(|((read, key), ticket)| {
            let read = read.as_ref()?;
            let of_value = read.notes[named(read)..]
                .iter()
                .map(|note| (note.version, of_values.get(&note.tag).copied().unwrap_or(OfTag::None)));
            let tags = || read.notes.iter().map(|note| note.tag.as_bytes());
            // An invalidation here, not yet delivered there, may have come while the reads were under way.
            let is_held = self.journal.holds(key) || tags().any(|tag| self.journal.holds(tag));
            if is_held || (read.of_value > 0 && judge(of_value) != Standing::Current) {
                return None;
            }
            self.keep_under(key, ticket, form, &read.seen, &read.entry, read.notes.clone());
            // What is past its ttl is kept for a function that serves such.
            read.seen.is_fresh().then(|| Arc::clone(&read.seen.value))
        });
        served.collect()
    }

    /// What is under these keys, and the versions of these tags, each of which is asked for once. Those have none whose
    /// invalidation is still to be delivered: it may be while they are asked for, and after they were read.
    async fn read_with<'t>(
        &self,
        keys: Vec<&[u8]>,
        tags: &[&'t Tag],
    ) -> (Vec<Found>, HashMap<&'t Tag, OfTag>) {
        let mut distinct = tags.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.retain(|tag| !self.journal.holds(tag.as_bytes()));
        let tickets: Vec<_> = distinct.iter().map(|tag| self.ticket(tag.as_bytes())).collect();
        let mut all = keys;
        let of_keys = all.len();
        all.extend(distinct.iter().map(|tag| tag.as_bytes()));
        let mut found = self.store().read_many(&all).await;
        self.gate.heard(found.iter().find_map(failure));
        let of_tags = found.split_off(of_keys.min(found.len()));
        let versions = distinct.into_iter().zip(tickets).zip(of_tags).map(|((tag, ticket), found)| {
            if let Found::Hit(entry) = &found {
                self.keep_version(tag, ticket, entry);
            }
            (tag, version(found))
        });
        (found, versions.collect())
    }
}
