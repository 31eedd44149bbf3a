//! Values under tags, wherever they are.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Reach;
use crate::error::Result;
use crate::form::Form;
use crate::protocol::tags::Standing;
use crate::shape::Local;
use crate::store::{Lease, Token};
use crate::tag::{Note, Tag};
use crate::tier::l1::L1Sighting;
use crate::tier::l2::L2Sighting;
use crate::tier::{Glimpse, L2, LeaseGuard, Sighting, Tags, Tier};

/// What is stored under tags, for those who only look.
pub(crate) struct Tagged<V> {
    pub(crate) glimpse: Glimpse<V>,
    pub(crate) tags: Vec<Tag>,
    /// Whether none of them was invalidated since.
    pub(crate) is_current: bool,
}

impl Tier {
    /// A value under tags that takes no waiting.
    pub(crate) fn get_under<V: Local>(&self, key: &[u8], version: u64) -> Option<Arc<V>> {
        match self {
            Self::Local(l1) => l1.get_under(key, version),
            Self::Shared(_) => None,
        }
    }

    /// Looks a key up that stands under tags, and takes the lease if there is nothing. The lease has the versions
    /// of the tags, from before the load.
    pub(crate) async fn lookup_under<V: Local, R: Reach<V>>(
        &self,
        key: &[u8],
        form: Form,
        ttl: Duration,
        tags: &[Tag],
    ) -> Sighting<V> {
        if tags.is_empty() {
            return self.lookup::<V, R>(key, form, ttl).await;
        }
        let mut guard = LeaseGuard::new(self.clone(), key);
        let lease = guard.lease(ttl);
        let (sighting, notes) = match self {
            Self::Local(l1) => {
                let (sighting, notes) = l1.lookup_under(key, form.version, lease, tags);
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
                let guards = guards(l2, tags);
                let (sighting, notes) = l2.lookup_under::<V, R>(key, form, lease, tags, guards).await;
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
        match (sighting, notes) {
            (Some(sighting), _) => {
                guard.forget();
                sighting
            }
            (None, Ok(notes)) => {
                guard.note(notes);
                Sighting::Lead(guard)
            }
            // The guard is dropped, and releases the lease.
            (None, Err(Standing::Busy)) => Sighting::Busy,
            (None, Err(_)) => Sighting::Guarded(None),
        }
    }

    /// What is stored under tags, with them, and whether they are as they were.
    pub(crate) async fn glimpse_under<V: Local, R: Reach<V>>(
        &self,
        key: &[u8],
        form: Form,
    ) -> Result<Option<Tagged<V>>> {
        match self {
            Self::Local(l1) => l1.glimpse_under(key, form.version),
            Self::Shared(l2) => l2.glimpse_under::<V, R>(key, form).await,
        }
    }

    /// The versions of tags, which are made where there are none.
    pub(crate) async fn notes(&self, tags: &[Tag], ttl: Duration) -> Tags {
        match self {
            _ if tags.is_empty() => Ok(Vec::new()),
            Self::Local(l1) => l1.notes(tags),
            Self::Shared(l2) => l2.notes(tags, guards(l2, tags), Lease { token: Token::random(), ttl }).await,
        }
    }

    /// Whether all is as it was when this permit was given: then no invalidation of its tags, nor of all, came since.
    pub(crate) async fn still_stands(&self, permit: Token, notes: &[Note]) -> bool {
        match self {
            Self::Local(l1) => l1.serves(permit) && l1.stand(notes),
            Self::Shared(l2) => l2.still_stands(permit, notes).await,
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

/// A lease for each tag: one that is taken and not used is released.
fn guards(l2: &Arc<L2>, tags: &[Tag]) -> Vec<LeaseGuard> {
    tags.iter().map(|tag| LeaseGuard::new(Tier::Shared(Arc::clone(l2)), tag.as_bytes())).collect()
}
