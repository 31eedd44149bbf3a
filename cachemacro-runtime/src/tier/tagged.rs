//! Values under tags, wherever they are.

use std::time::Duration;

use crate::codec::Typed;
use crate::error::Result;
use crate::mutants::{self, Mutant};
use crate::protocol::tags::Standing;
use crate::shape::Shared;
use crate::store::Token;
use crate::tag::{Before, Note, Noted, Tag};
use crate::tier::l1::L1Sighting;
use crate::tier::l2::L2Sighting;
use crate::tier::{Glimpse, LeaseGuard, Seen, Sighting, Tags, Tier};

/// What is stored under tags, for those who only look.
pub(crate) struct Tagged {
    pub(crate) glimpse: Glimpse,
    pub(crate) tags: Vec<Tag>,
    /// Whether none of them was invalidated since.
    pub(crate) is_current: bool,
}

impl Tier {
    /// A value under tags that takes no waiting.
    pub(crate) fn get_under(&self, key: &[u8], form: Typed, strict: bool) -> Option<Shared> {
        match self {
            Self::Local(l1) => l1.get_under(key, form),
            Self::Shared(l2) if !strict => l2.find_under(key, form).map(|seen| seen.value),
            Self::Shared(_) => None,
        }
    }

    /// A value that takes no waiting, under tags or not, past its ttl or not.
    pub(crate) fn find(&self, key: &[u8], form: Typed, strict: bool, is_tagged: bool) -> Option<Seen> {
        match is_tagged {
            true => self.find_under(key, form, strict),
            false => self.find_now(key, form, strict),
        }
    }

    /// A value under tags that takes no waiting, past its ttl or not. What is kept in front of a store is never past
    /// its ttl.
    pub(crate) fn find_under(&self, key: &[u8], form: Typed, strict: bool) -> Option<Seen> {
        match self {
            Self::Local(l1) => l1.find_under(key, form),
            Self::Shared(l2) if !strict => l2.find_under(key, form),
            Self::Shared(_) => None,
        }
    }

    /// Whether a value under tags is kept in front of a store, and would be served now.
    pub(crate) fn is_near_under(&self, key: &[u8], form: Typed) -> bool {
        match self {
            Self::Local(_) => false,
            Self::Shared(l2) => l2.find_under(key, form).is_some(),
        }
    }

    /// Looks a key up that stands under tags, and takes the lease if there is nothing. The lease has what is to be
    /// noted before the load.
    pub(crate) fn lookup_under<'a>(
        &'a self,
        key: &'a [u8],
        form: &'a Typed,
        ttl: Duration,
        before: Before<'a>,
    ) -> impl Future<Output = Sighting> + Send + 'a {
        // By itself: it would make the future of each lookup three times as large.
        let with_tags =
            (!before.is_empty()).then(|| Box::pin(self.lookup_with_tags(key, *form, ttl, before)));
        async move {
            match with_tags {
                None => self.lookup(key, form, ttl).await,
                Some(lookup) => lookup.await,
            }
        }
    }

    async fn lookup_with_tags(&self, key: &[u8], form: Typed, ttl: Duration, before: Before<'_>) -> Sighting {
        let (mut guard, lease) = LeaseGuard::new(self.clone(), key, ttl);
        let (sighting, notes) = match self {
            Self::Local(l1) => {
                let (sighting, notes) = l1.lookup_under(key, form, lease, before);
                let sighting = match sighting {
                    L1Sighting::Lead => None,
                    L1Sighting::Hit(value) => Some(Sighting::Hit(value)),
                    L1Sighting::Busy => Some(Sighting::Busy),
                    L1Sighting::Guarded(value) => Some(Sighting::Guarded(value)),
                    L1Sighting::Outdated(fill_id) => Some(Sighting::Outdated(fill_id)),
                    L1Sighting::Unreadable(error) => Some(Sighting::Unreadable(error)),
                };
                (sighting, notes)
            }
            Self::Shared(l2) => {
                let (sighting, notes) = l2.lookup_under(key, form, lease, before).await;
                let sighting = match sighting {
                    L2Sighting::Lead => None,
                    L2Sighting::Moved => Some(Sighting::Moved),
                    L2Sighting::Hit(value) => Some(Sighting::Hit(value)),
                    L2Sighting::Busy => Some(Sighting::Busy),
                    L2Sighting::Guarded(value) => Some(Sighting::Guarded(value)),
                    L2Sighting::Outdated(fill_id) => Some(Sighting::Outdated(fill_id)),
                    L2Sighting::Unfillable => Some(Sighting::Unfillable),
                    L2Sighting::Unreadable(error) => Some(Sighting::Unreadable(error)),
                    // The lookup may still take effect: the guard is dropped, and releases.
                    L2Sighting::Failed(error) => return Sighting::Failed(error),
                };
                (sighting, notes)
            }
        };
        if let Some(sighting) = sighting {
            guard.forget();
            return sighting;
        }
        let noted = match notes {
            Ok(notes) => self.notes(before.epochs, ttl).await.map(|epochs| Noted { notes, epochs }),
            Err(why) => Err(why),
        };
        match noted {
            Ok(noted) => {
                guard.note(noted);
                Sighting::Lead(guard)
            }
            // The guard is dropped, and releases the lease.
            Err(Standing::Busy) => Sighting::Busy,
            Err(_) => Sighting::Guarded(None),
        }
    }

    /// The values under these keys, with what is known of the tags of each, where they can be served as they are; takes no
    /// lease. In a store that is one round trip, and one more for tags that values name.
    pub(crate) async fn read_many_under(
        &self,
        keys: &[&[u8]],
        form: Typed,
        before: &[Before<'_>],
    ) -> Vec<Option<Shared>> {
        match self {
            // What is in this process is found at once, or is not there.
            Self::Local(_) => keys.iter().map(|_| None).collect(),
            Self::Shared(l2) => l2.read_many_under(keys, form, before).await,
        }
    }

    /// What is stored under tags, with them, and whether they are as they were.
    pub(crate) async fn glimpse_under(&self, key: &[u8], form: Typed) -> Result<Option<Tagged>> {
        match self {
            Self::Local(l1) => l1.glimpse_under(key, form),
            Self::Shared(l2) => l2.glimpse_under(key, form).await,
        }
    }

    /// What is stored, unless it has tags of which one was invalidated since.
    pub(crate) async fn glimpse_current(
        &self,
        key: &[u8],
        form: Typed,
        is_tagged: bool,
    ) -> Result<Option<Glimpse>> {
        if !is_tagged {
            return self.glimpse(key, form).await;
        }
        let found = self.glimpse_under(key, form).await?;
        Ok(found.filter(|tagged| tagged.is_current).map(|tagged| tagged.glimpse))
    }

    /// Makes room where a value is of whose tags one was invalidated.
    pub(crate) async fn discard_outdated(&self, key: &[u8], form: Typed) -> Result<()> {
        match self.glimpse_under(key, form).await? {
            Some(tagged) if !tagged.is_current => self.discard(key, tagged.glimpse.fill_id).await,
            _ => Ok(()),
        }
    }

    /// What is to be noted before a load.
    pub(crate) async fn note(
        &self,
        before: Before<'_>,
        ttl: Duration,
    ) -> std::result::Result<Noted, Standing> {
        let notes = self.notes(before.tags, ttl).await?;
        Ok(Noted { notes, epochs: self.notes(before.epochs, ttl).await? })
    }

    /// The versions to store a value with, after its load: with those from before it, those of the tags that it names
    /// itself. None, if one of these may be newer than the load: nothing is to be stored then.
    pub(crate) async fn note_value(
        &self,
        noted: &Noted,
        of_value: &[Tag],
        ttl: Duration,
    ) -> Option<Vec<Note>> {
        if let Self::Local(l1) = self {
            return l1.note_value(noted, of_value);
        }
        let mut notes = noted.notes.clone();
        if of_value.is_empty() {
            return Some(notes);
        }
        notes.extend(self.notes(of_value, ttl).await.ok()?);
        let is_current = noted.has_epochs_of(of_value)
            && (mutants::is(Mutant::EpochNotedOnce) || self.stand(&noted.epochs).await);
        is_current.then_some(notes)
    }

    /// The versions of tags, which are made where there are none.
    pub(crate) async fn notes(&self, tags: &[Tag], ttl: Duration) -> Tags {
        match self {
            _ if tags.is_empty() => Ok(Vec::new()),
            Self::Local(l1) => l1.notes(tags),
            Self::Shared(l2) => l2.notes(tags, ttl).await,
        }
    }

    /// Whether all is as it was when this permit was given: then no invalidation of its tags, nor of all, came since.
    pub(crate) async fn still_stands(&self, permit: Token, notes: &[Note]) -> bool {
        match self {
            Self::Local(l1) => l1.serves(permit) && l1.stand(notes),
            Self::Shared(l2) => l2.still_stands(permit, notes).await,
        }
    }

    /// Whether all tags are as they were.
    pub(crate) async fn stand(&self, notes: &[Note]) -> bool {
        match self {
            Self::Local(l1) => l1.stand(notes),
            Self::Shared(l2) => l2.stand(notes).await,
        }
    }

    /// Removes a value that is outdated, if it is still the one of this fill.
    pub(crate) async fn discard(&self, key: &[u8], fill_id: Token) -> Result<()> {
        match self {
            Self::Local(l1) => {
                l1.discard(key, fill_id);
                Ok(())
            }
            Self::Shared(l2) => l2.discard(key, fill_id).await.map(drop),
        }
    }
}
