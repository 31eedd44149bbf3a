//! Values under tags in a store: one lookup of the key and of all its tags.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{L2, L2Sighting, foreign, other_kind, outdated, quarantined};
use crate::codec::{self, Typed};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::coherence::Ticket;
use crate::protocol::tags::{Found as OfTag, Standing, judge};
use crate::store::{Ask, Entry, Fill, Found, Lease, Permit, Token, Verdict};
use crate::tag::{self, Before, Note, Tag};
use crate::task::join_all;
use crate::tier::{Glimpse, LeaseGuard, Seen, Tagged, Tags, Tier};

/// How often versions are looked for that others are making.
const LOOKS_MAX: usize = 3;

impl L2 {
    /// Looks a key up, and the versions of its tags, which are made where there are none.
    pub(crate) async fn lookup_under(
        self: &Arc<Self>,
        key: &[u8],
        form: Typed,
        lease: Lease,
        before: Before<'_>,
    ) -> (L2Sighting, Tags) {
        let tags = before.tags;
        if let Err(error) = self.admits_all(key, tags) {
            return (L2Sighting::Failed(error), Err(Standing::Unknown));
        }
        // Before the lookup is sent: what changes from here on is told, and refuses it.
        let ticket = self.ticket(key);
        let (found, told) = tokio::join!(self.find_all(Some(key), lease, tags), self.ask_era());
        let (found, of_tags) = match found {
            Ok((Some(found), of_tags)) => (found, of_tags),
            Ok((None, _)) => return (L2Sighting::Failed(unanswered(key)), Err(Standing::Unknown)),
            Err(error) => return (L2Sighting::Failed(error.with_key(key)), Err(Standing::Unknown)),
        };
        // An invalidation here, not yet delivered there, may have come while the lookup was under way.
        if let Err(error) = self.admits_all(key, tags) {
            return (L2Sighting::Failed(error), Err(Standing::Unknown));
        }
        let sighting = match found {
            Found::Hit(entry) if !told.serves(entry.fill_id) => outdated(told, entry.fill_id),
            Found::Hit(entry) => self.judged(key, form, lease, &entry, before, &of_tags, ticket).await,
            Found::Guarded(entry) => match entry.filter(|entry| told.serves(entry.fill_id)) {
                None => L2Sighting::Guarded(None),
                Some(entry) => match self.judged(key, form, lease, &entry, before, &of_tags, None).await {
                    L2Sighting::Hit(seen) => L2Sighting::Guarded(Some(seen)),
                    _ => L2Sighting::Guarded(None),
                },
            },
            Found::Lead => self.lead(key, lease.token, told).await,
            Found::Busy => L2Sighting::Busy,
            Found::Absent => L2Sighting::Unfillable,
            Found::Foreign => L2Sighting::Unreadable(foreign(key)),
            Found::OtherKind => L2Sighting::Failed(other_kind(key)),
            Found::Failed(error) => L2Sighting::Failed(error),
        };
        (sighting, tag::notes(tags, &of_tags))
    }

    /// What is stored, with its tags, and whether they are as they were.
    pub(crate) async fn glimpse_under(&self, key: &[u8], form: Typed) -> Result<Option<Tagged>> {
        self.admits(key)?;
        let (found, told) = self.find(key, None).await;
        let entry = match found {
            Found::Hit(entry) if told.serves(entry.fill_id) => entry,
            Found::Hit(_) => return Ok(None),
            Found::Lead | Found::Busy | Found::Absent | Found::Guarded(_) => return Ok(None),
            Found::Foreign => return Err(foreign(key)),
            Found::OtherKind => return Err(other_kind(key)),
            Found::Failed(error) => return Err(error),
        };
        let (notes, seen) = self.opened(key, form, &entry)?;
        let glimpse = Glimpse::of(seen, entry.ttl_left.unwrap_or_default());
        let is_current = self.stand(&notes).await;
        let tags = notes.into_iter().map(|note| note.tag).collect();
        Ok(Some(Tagged { glimpse, tags, is_current }))
    }

    /// Removes a value that is outdated, if it is still the one of this fill.
    pub(crate) async fn discard(&self, key: &[u8], fill_id: Token) -> Result<Verdict> {
        self.gate.ask("discard", self.store().discard(key, fill_id)).await
    }

    /// Whether all is as it was when this lease was asked for: its era, and these tags.
    pub(crate) async fn still_stands(&self, lease: Token, notes: &[Note]) -> bool {
        let tags = async { notes.is_empty() || self.stand(notes).await };
        let (stand, told) = tokio::join!(tags, self.ask_era());
        stand && told.serves(lease)
    }

    /// Whether all tags are as they were.
    pub(crate) async fn stand(&self, notes: &[Note]) -> bool {
        let asks: Vec<Ask<'_>> =
            notes.iter().map(|note| Ask { key: note.tag.as_bytes(), lease: None }).collect();
        if self.gate.enter("lookup").is_err() {
            return false;
        }
        let found = self.store().lookup(&asks).await;
        self.gate.heard(found.iter().find_map(failure));
        let pairs = notes.iter().map(|note| note.version).zip(found.into_iter().map(version));
        judge(pairs) == Standing::Current && !notes.iter().any(|note| self.journal.holds(note.tag.as_bytes()))
    }

    /// The versions of tags, which are made where there are none.
    pub(crate) async fn notes(self: &Arc<Self>, tags: &[Tag], ttl: Duration) -> Tags {
        let found = self.versions(tags, Lease { token: Token::random(), ttl }).await;
        tag::notes(tags, &found.map_err(|_| Standing::Unknown)?)
    }

    /// What is found of tags, whose versions are made where there are none.
    async fn versions(self: &Arc<Self>, tags: &[Tag], lease: Lease) -> Result<Vec<OfTag>> {
        let admitted = || tags.iter().try_for_each(|tag| self.admits(tag.as_bytes()));
        admitted()?;
        let (_, mut found) = self.find_all(None, lease, tags).await?;
        // Who makes a version needs a round trip for it, as a second look does.
        for _ in 1..LOOKS_MAX {
            if !found.contains(&OfTag::Busy) {
                break;
            }
            (_, found) = self.find_all(None, lease, tags).await?;
        }
        // An invalidation here, not yet delivered there, may have come while the lookup was under way.
        admitted()?;
        Ok(found)
    }

    /// A lease for each tag: one that is taken and not used is released.
    fn guards(self: &Arc<Self>, tags: &[Tag], ttl: Duration) -> (Vec<LeaseGuard>, Vec<Lease>) {
        let tier = Tier::Shared(Arc::clone(self));
        tags.iter().map(|tag| LeaseGuard::new(tier.clone(), tag.as_bytes(), ttl)).unzip()
    }

    /// One lookup for a key and tags.
    async fn find_all(
        self: &Arc<Self>,
        key: Option<&[u8]>,
        lease: Lease,
        tags: &[Tag],
    ) -> Result<(Option<Found>, Vec<OfTag>)> {
        self.gate.enter("lookup")?;
        let (guards, leases) = self.guards(tags, lease.ttl);
        let tickets: Vec<_> = tags.iter().map(|tag| self.ticket(tag.as_bytes())).collect();
        let of_tags = tags.iter().zip(leases);
        let mut all: Vec<Ask<'_>> =
            of_tags.map(|(tag, lease)| Ask { key: tag.as_bytes(), lease: Some(lease) }).collect();
        all.extend(key.map(|key| Ask { key, lease: Some(lease) }));
        let mut found = self.store().lookup(&all).await;
        self.gate.heard(found.iter().find_map(failure));
        let of_key = key.and_then(|_| found.pop());
        if let Some(error) = found.iter().find_map(failure) {
            return Err(error.clone());
        }
        if found.len() != tags.len() {
            return Err(unanswered(key.unwrap_or_default()));
        }
        for ((tag, ticket), found) in tags.iter().zip(tickets).zip(&found) {
            if let Found::Hit(entry) = found {
                self.keep_version(tag, ticket, entry);
            }
        }
        Ok((of_key, self.made(tags, found, guards).await))
    }

    /// The versions that were found, and new ones where there were none.
    async fn made(&self, tags: &[Tag], found: Vec<Found>, guards: Vec<LeaseGuard>) -> Vec<OfTag> {
        let made = tags.iter().zip(found).zip(guards).map(|((tag, found), guard)| async move {
            if !matches!(found, Found::Lead) {
                // What has failed may still take effect, and is released.
                if !matches!(found, Found::Failed(_)) {
                    guard.forget();
                }
                return version(found);
            }
            let (fill_id, permit) = (tag::new_version(), Permit::Lease(guard.token()));
            let fill = Fill { key: tag.as_bytes(), permit, fill_id, payload: Bytes::new(), ttl: tag::TTL };
            match self.gate.ask("fill", self.store().fill(fill)).await {
                Ok(Verdict::Accepted) => {
                    guard.forget();
                    OfTag::Version(fill_id)
                }
                Ok(Verdict::Refused) => OfTag::Busy,
                Err(_) => OfTag::None,
            }
        });
        join_all(made).await
    }

    /// A value, if its tags are as they were. With a ticket, it is kept in front of the store.
    #[expect(clippy::too_many_arguments, reason = "the key, what was found, and what was asked for")]
    async fn judged(
        self: &Arc<Self>,
        key: &[u8],
        form: Typed,
        lease: Lease,
        entry: &Entry,
        before: Before<'_>,
        of_tags: &[OfTag],
        ticket: Option<Ticket>,
    ) -> L2Sighting {
        let (notes, seen) = match self.opened(key, form, entry) {
            Ok(opened) => opened,
            Err(error) => return L2Sighting::Unreadable(error),
        };
        let standing = match tag::standing(&notes, before, of_tags) {
            (Standing::Current, of_value) if !of_value.is_empty() => {
                // These are known only now, so that they are asked for by themselves.
                let tags: Vec<Tag> = of_value.iter().map(|note| note.tag.clone()).collect();
                match self.versions(&tags, lease).await {
                    Ok(found) => judge(of_value.iter().map(|note| note.version).zip(found)),
                    Err(error) => return L2Sighting::Failed(error),
                }
            }
            (standing, _) => standing,
        };
        match standing {
            Standing::Current => {
                self.keep_under(key, ticket, form, &seen, entry, notes);
                L2Sighting::Hit(seen)
            }
            Standing::Outdated => L2Sighting::Outdated(entry.fill_id),
            Standing::Busy => L2Sighting::Busy,
            Standing::Unknown => L2Sighting::Guarded(None),
        }
    }

    pub(super) fn opened(&self, key: &[u8], form: Typed, entry: &Entry) -> Result<(Vec<Note>, Seen)> {
        let Some((notes, sealed)) = tag::split(&entry.payload) else {
            let detail = "it was stored without tags";
            return Err(Error::new(ErrorKind::Unreadable, "lookup", detail).with_key(key));
        };
        let value = form.open(self.codec, &sealed).map_err(|error| error.with_key(key))?;
        Ok((notes, Seen::of(entry, codec::stamp(&sealed), value)))
    }

    pub(super) fn admits_all(&self, key: &[u8], tags: &[Tag]) -> Result<()> {
        self.admits(key)?;
        match tags.iter().find(|tag| self.journal.holds(tag.as_bytes())) {
            Some(tag) => Err(quarantined(tag.as_bytes())),
            None => tags.iter().try_for_each(|tag| self.fits("lookup", tag.as_bytes())),
        }
    }
}

fn unanswered(key: &[u8]) -> Error {
    Error::new(ErrorKind::Unavailable, "lookup", "the store gave no answer for the key").with_key(key)
}

pub(super) fn version(found: Found) -> OfTag {
    match found {
        Found::Hit(entry) | Found::Guarded(Some(entry)) => OfTag::Version(entry.fill_id),
        Found::Busy => OfTag::Busy,
        _ => OfTag::None,
    }
}

pub(super) fn failure(found: &Found) -> Option<&Error> {
    match found {
        Found::Failed(error) => Some(error),
        _ => None,
    }
}
