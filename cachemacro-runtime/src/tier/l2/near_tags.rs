//! Values under tags that are kept in front of a store: each beside the versions that it stands under, which are kept
//! as values of their own.
//!
//! The store tells of a change of either, and a lookup that was sent before it keeps neither.

use std::sync::Arc;
use std::time::Duration;

use super::L2;
use crate::codec::Typed;
use crate::policy::Stamp;
use crate::protocol::coherence::Ticket;
use crate::store::Entry;
use crate::tag::{self, Note, Tag};
use crate::tier::Seen;
use crate::tier::l1::Tagged;
use crate::tier::near::Keeping;

/// The version of a function's values that versions of tags are kept under.
const OF_TAGS: u64 = 0;

impl L2 {
    /// A value that is kept in front of the store, if all of its tags are as they were.
    pub(crate) fn find_under(&self, key: &[u8], form: Typed) -> Option<Seen> {
        let near = self.near()?;
        let (seen, notes) = near.find_tagged(key, form)?;
        let is_current =
            |Note { tag, version }: &Note| near.find_fill(tag.as_bytes(), OF_TAGS) == Some(*version);
        notes.iter().all(is_current).then_some(seen)
    }

    /// The right to keep what a lookup finds that is sent from now on.
    pub(super) fn ticket(&self, key: &[u8]) -> Option<Ticket> {
        self.near()?.ticket(key)
    }

    /// Keeps a value that was found under tags which are as they were.
    pub(super) fn keep_under(
        &self,
        key: &[u8],
        ticket: Option<Ticket>,
        form: Typed,
        seen: &Seen,
        entry: &Entry,
        notes: Vec<Note>,
    ) {
        if let (Some(near), Some(ticket)) = (self.near(), ticket) {
            let noted = notes.iter().map(|note| note.tag.as_bytes().len() + size_of::<Note>()).sum::<usize>();
            let (version, bytes) = (form.version, form.weigh(&seen.value) + noted);
            let seen = &Seen { value: Tagged::shared(&seen.value, &notes), ..seen.clone() };
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
