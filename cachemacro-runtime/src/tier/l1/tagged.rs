//! Values under tags in this process: each is kept with the versions that its load has begun under.

use std::sync::Arc;
use std::time::Duration;

use super::{L1, L1Sighting, Stored, other_type};
use crate::codec::Typed;
use crate::error::Result;
use crate::mutants::{self, Mutant};
use crate::policy::Stamp;
use crate::protocol::tags::{Found, Standing, judge};
use crate::shape::Shared;
use crate::store::memory::table::{Held, Sighting as Slot, TableFill};
use crate::store::{Lease, Permit, Token, Verdict};
use crate::tag::{self, Before, Note, Noted, Tag};
use crate::tier::{self, Glimpse, Seen, Tags};

/// A value and the versions that it stands under. As a type of its own, nobody takes it for a value without tags.
#[derive(Clone)]
pub(in crate::tier) struct Tagged {
    value: Shared,
    pub(in crate::tier) notes: Arc<[Note]>,
}

impl Tagged {
    pub(in crate::tier) fn shared(value: &Shared, notes: &[Note]) -> Shared {
        Arc::new(Self { value: Arc::clone(value), notes: notes.into() })
    }

    /// What is stored, if it is a value of this type and version that stands under tags.
    pub(in crate::tier) fn of(stored: &Stored, form: Typed) -> Option<(Shared, Arc<[Note]>)> {
        let tagged: &Self = stored.value.downcast_ref()?;
        let is_asked_for = stored.version == form.version && form.is(&tagged.value);
        is_asked_for.then(|| (Arc::clone(&tagged.value), Arc::clone(&tagged.notes)))
    }
}

impl L1 {
    /// The value, if it is there and its tags are as they were.
    pub(crate) fn get_under(&self, key: &[u8], form: Typed) -> Option<Shared> {
        let held = self.served(self.table(key).get(key))?;
        let (value, notes) = Tagged::of(&held.value, form)?;
        self.stand(&notes).then_some(value)
    }

    /// The value, past its ttl or not, if it is there and its tags are as they were. Takes no lease.
    pub(crate) fn find_under(&self, key: &[u8], form: Typed) -> Option<Seen> {
        let (seen, notes) = self.seen_under(&self.served(self.table(key).find(key))?, form)?;
        self.stand(&notes).then_some(seen)
    }

    fn seen_under(&self, held: &Held<Arc<Stored>>, form: Typed) -> Option<(Seen, Arc<[Note]>)> {
        let (value, notes) = Tagged::of(&held.value, form)?;
        Some((self.seen_as(held, value), notes))
    }

    /// Looks a key up, and the versions of its tags, which are made where there are none.
    pub(crate) fn lookup_under(
        &self,
        key: &[u8],
        form: Typed,
        lease: Lease,
        before: Before<'_>,
    ) -> (L1Sighting, Tags) {
        // Before the load in any case; whether before the lookup does not matter.
        let found = self.versions_of(before.tags);
        let standing = |notes: &[Note]| match tag::standing(notes, before, &found) {
            (Standing::Current, of_value) => {
                judge(of_value.iter().map(|note| (note.version, self.version_of(&note.tag))))
            }
            (standing, _) => standing,
        };
        let sighting = match self.table(key).lookup(key, Some(lease)) {
            Slot::Hit(held) if !self.serves(held.fill_id) => L1Sighting::Outdated(held.fill_id),
            Slot::Hit(held) => match self.seen_under(&held, form) {
                Some((seen, notes)) => match standing(&notes) {
                    Standing::Current => L1Sighting::Hit(seen),
                    Standing::Outdated => L1Sighting::Outdated(seen.fill_id),
                    Standing::Busy => L1Sighting::Busy,
                    Standing::Unknown => L1Sighting::Guarded(None),
                },
                None => L1Sighting::Unreadable(other_type(key)),
            },
            Slot::Lead => L1Sighting::Lead,
            Slot::Guarded(held) => {
                let tagged = self.served(held).and_then(|held| self.seen_under(&held, form));
                let current = tagged.filter(|(_, notes)| standing(notes) == Standing::Current);
                L1Sighting::Guarded(current.map(|(seen, _)| seen))
            }
            Slot::Busy | Slot::Absent => L1Sighting::Busy,
        };
        (sighting, tag::notes(before.tags, &found))
    }

    /// What is stored, with its tags, and whether they are as they were.
    pub(crate) fn glimpse_under(&self, key: &[u8], form: Typed) -> Result<Option<tier::Tagged>> {
        let Some(held) = self.served(self.table(key).find(key)) else {
            return Ok(None);
        };
        let left = held.until.since(self.clock.now());
        let (seen, notes) = self.seen_under(&held, form).ok_or_else(|| other_type(key))?;
        let tags = notes.iter().map(|note| note.tag.clone()).collect();
        Ok(Some(tier::Tagged { glimpse: Glimpse::of(seen, left), tags, is_current: self.stand(&notes) }))
    }

    /// Removes a value that is outdated, if it is still the one of this fill.
    pub(crate) fn discard(&self, key: &[u8], fill_id: Token) {
        let _ = self.table(key).discard(key, fill_id);
    }

    /// Whether all tags are as they were.
    pub(crate) fn stand(&self, notes: &[Note]) -> bool {
        let found = notes.iter().map(|Note { tag, version }| {
            let found = match self.table(tag.as_bytes()).lookup(tag.as_bytes(), None) {
                Slot::Hit(held) | Slot::Guarded(Some(held)) => Found::Version(held.fill_id),
                Slot::Lead | Slot::Busy | Slot::Absent | Slot::Guarded(None) => Found::None,
            };
            (*version, found)
        });
        judge(found) == Standing::Current
    }

    /// The versions of tags, which are made where there are none.
    pub(crate) fn notes(&self, tags: &[Tag]) -> Tags {
        tag::notes(tags, &self.versions_of(tags))
    }

    /// What is to be noted before a load.
    pub(crate) fn note(&self, before: Before<'_>) -> std::result::Result<Noted, Standing> {
        Ok(Noted { notes: self.notes(before.tags)?, epochs: self.notes(before.epochs)? })
    }

    /// The versions to store a value with, after its load; see [`Tier::note_value`](tier::Tier::note_value).
    pub(crate) fn note_value(&self, noted: &Noted, of_value: &[Tag]) -> Option<Vec<Note>> {
        let mut notes = noted.notes.clone();
        if of_value.is_empty() {
            return Some(notes);
        }
        notes.extend(self.notes(of_value).ok()?);
        let is_current = noted.has_epochs_of(of_value)
            && (mutants::is(Mutant::EpochNotedOnce) || self.stand(&noted.epochs));
        is_current.then_some(notes)
    }

    fn versions_of(&self, tags: &[Tag]) -> Vec<Found> {
        tags.iter().map(|tag| self.version_of(tag)).collect()
    }

    fn version_of(&self, tag: &Tag) -> Found {
        let (key, token) = (tag.as_bytes(), Token::random());
        match self.table(key).lookup(key, Some(Lease { token, ttl: tag::TTL })) {
            Slot::Hit(held) | Slot::Guarded(Some(held)) => Found::Version(held.fill_id),
            Slot::Lead => {
                let stamp = Stamp { fresh: tag::TTL, cost: Duration::ZERO };
                let (fill_id, value) = (tag::new_version(), Stored::new(key, Arc::new(()), 0, stamp));
                let permit = Permit::Lease(token);
                let fill = TableFill { permit, fill_id, value, bytes: 0, ttl: tag::TTL, serves: tag::TTL };
                match self.table(key).fill(key, fill) {
                    Verdict::Accepted => Found::Version(fill_id),
                    Verdict::Refused => {
                        let _ = self.table(key).release(key, token);
                        Found::Busy
                    }
                }
            }
            Slot::Busy => Found::Busy,
            Slot::Absent | Slot::Guarded(None) => Found::None,
        }
    }
}
