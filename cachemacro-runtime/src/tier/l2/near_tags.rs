//! Values under tags that are kept in front of a store: each beside the versions that it stands under, which are kept
//! as values of their own.
//!
//! The store tells of a change of either, and a lookup that was sent before it keeps neither.

use std::sync::Arc;
use std::time::Duration;

use super::L2;
use crate::codec::Reach;
use crate::form::Form;
use crate::policy::Stamp;
use crate::protocol::coherence::Ticket;
use crate::shape::Local;
use crate::store::Entry;
use crate::tag::{self, Note, Tag};
use crate::tier::Seen;
use crate::tier::l1::{Tagged, bare};
use crate::tier::near::Keeping;

/// The version of a function's values that versions of tags are kept under.
const OF_TAGS: u64 = 0;

impl L2 {
    /// A value that is kept in front of the store, if all of its tags are as they were.
    pub(crate) fn find_under<V: Local>(&self, key: &[u8], version: u64) -> Option<Seen<V>> {
        let near = self.near()?;
        let tagged = near.find::<Tagged<V>>(key, version)?;
        let is_current = |Note { tag, version }: &Note| {
            near.find::<()>(tag.as_bytes(), OF_TAGS).is_some_and(|seen| seen.fill_id == *version)
        };
        tagged.value.notes.iter().all(is_current).then(|| bare(tagged))
    }

    /// The right to keep what a lookup finds that is sent from now on.
    pub(super) fn ticket(&self, key: &[u8]) -> Option<Ticket> {
        self.near()?.ticket(key)
    }

    /// Keeps a value that was found under tags which are as they were.
    pub(super) fn keep_under<V: Local, R: Reach<V>>(
        &self,
        key: &[u8],
        ticket: Option<Ticket>,
        form: Form,
        seen: &Seen<V>,
        entry: &Entry,
        notes: Vec<Note>,
    ) {
        if let (Some(near), Some(ticket)) = (self.near(), ticket) {
            let noted = notes.iter().map(|note| note.tag.as_bytes().len() + size_of::<Note>()).sum::<usize>();
            let (version, bytes) = (form.version, R::weigh(&seen.value) + noted);
            let seen = &Tagged::of(seen, notes);
            near.keep(key, ticket, Keeping { seen, version, bytes, entry });
        }
    }

    /// Keeps the version of a tag that was found.
    pub(super) fn keep_version(&self, tag: &Tag, ticket: Option<Ticket>, entry: &Entry) {
        // An invalidation here, not yet delivered there, may have come while the lookup was under way.
        if let (Some(near), Some(ticket), false) = (self.near(), ticket, self.journal().holds(tag.as_bytes()))
        {
            let stamp = Stamp { fresh: tag::TTL, cost: Duration::ZERO };
            let seen = &Seen::of(entry, Some(stamp), Arc::new(()));
            near.keep(tag.as_bytes(), ticket, Keeping { seen, version: OF_TAGS, bytes: 0, entry });
        }
    }
}
