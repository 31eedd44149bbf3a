//! Which tier a cache has, and what each step means there.
//!
//! Without a store, the tier in this process is the cache. With one, the store is.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Reach;
use crate::error::Result;
use crate::shape::Local;
use crate::store::{Token, Verdict};
use crate::tier::l1::{L1, L1Sighting};
use crate::tier::l2::{L2, L2Sighting};
use crate::tier::{Glimpse, LeaseGuard, Sighting, Storing};

/// Where the values of a cache are.
#[derive(Clone, Debug)]
pub(crate) enum Tier {
    /// In this process.
    Local(Arc<L1>),
    /// In a store.
    Shared(Arc<L2>),
}

impl Tier {
    /// A copy of a value that takes no waiting at all: none, if the values are elsewhere.
    #[inline]
    pub(crate) fn get_now<V: Local>(&self, key: &[u8], version: u32) -> Option<V> {
        match self {
            Self::Local(l1) => l1.get(key, version),
            Self::Shared(_) => None,
        }
    }

    /// Changes with every invalidation that could not be delivered at once.
    pub(crate) fn mark(&self) -> u64 {
        match self {
            Self::Local(_) => 0,
            Self::Shared(l2) => l2.journal().mark(),
        }
    }

    /// Looks a key up, and takes the lease if there is nothing.
    pub(crate) async fn lookup<V: Local, R: Reach<V>>(
        &self,
        key: &[u8],
        version: u32,
        ttl: Duration,
    ) -> Sighting<V> {
        let guard = LeaseGuard::new(self.clone(), key);
        let lease = guard.lease(ttl);
        let (sighting, guard) = match self {
            Self::Local(l1) => match l1.lookup(key, version, lease) {
                L1Sighting::Lead => return Sighting::Lead(guard),
                L1Sighting::Hit(value) => (Sighting::Hit(value), guard),
                L1Sighting::Busy => (Sighting::Busy, guard),
                L1Sighting::Unreadable(error) => (Sighting::Unreadable(error), guard),
            },
            Self::Shared(l2) => match l2.lookup::<V, R>(key, version, lease).await {
                L2Sighting::Lead => return Sighting::Lead(guard),
                L2Sighting::Hit(value) => (Sighting::Hit(value), guard),
                L2Sighting::Busy => (Sighting::Busy, guard),
                L2Sighting::Unfillable => (Sighting::Unfillable, guard),
                L2Sighting::Unreadable(error) => (Sighting::Unreadable(error), guard),
                // The lookup may still take effect: the guard is dropped, and releases.
                L2Sighting::Failed(error) => return Sighting::Failed(error),
            },
        };
        guard.forget();
        sighting
    }

    /// Looks at what is stored, and takes no lease.
    pub(crate) async fn glimpse<V: Local, R: Reach<V>>(
        &self,
        key: &[u8],
        version: u32,
    ) -> Result<Option<Glimpse<V>>> {
        match self {
            Self::Local(l1) => l1.glimpse(key, version),
            Self::Shared(l2) => l2.glimpse::<V, R>(key, version).await,
        }
    }

    /// Stores a value, if its permit still stands.
    pub(crate) async fn fill<V: Local, R: Reach<V>>(&self, storing: Storing<'_, V>) -> Result<Verdict> {
        match self {
            Self::Local(l1) => l1.fill::<V, R>(storing),
            Self::Shared(l2) => l2.fill::<V, R>(storing).await,
        }
    }

    /// Keeps a lease, while the body runs.
    pub(crate) fn renew(&self, key: &[u8], token: Token, ttl: Duration) {
        match self {
            Self::Local(l1) => l1.renew(key, token, ttl),
            Self::Shared(l2) => l2.renew_later(key.into(), token, ttl),
        }
    }

    /// Gives a lease up, and says whether it was still held.
    pub(crate) async fn release(&self, key: &[u8], token: Token, mark: u64) -> Result<Verdict> {
        match self {
            Self::Local(l1) => Ok(l1.release(key, token)),
            Self::Shared(l2) => l2.release(key, token, mark).await,
        }
    }

    /// Gives a lease up, from a place that cannot wait.
    pub(crate) fn release_later(&self, key: Arc<[u8]>, token: Token) {
        match self {
            Self::Local(l1) => drop(l1.release(&key, token)),
            Self::Shared(l2) => l2.release_later(key, token),
        }
    }

    /// The entries in this process, and the bytes that they count for.
    pub(crate) fn size(&self) -> Option<(u64, u64)> {
        match self {
            Self::Local(l1) => Some(l1.size()),
            Self::Shared(_) => None,
        }
    }

    /// Removes keys.
    pub(crate) async fn invalidate(&self, keys: &[&[u8]]) -> Result<()> {
        match self {
            Self::Local(l1) => keys.iter().for_each(|key| l1.invalidate(key)),
            Self::Shared(l2) => l2.invalidate(keys).await?,
        }
        Ok(())
    }

    /// Removes a key, from a place that cannot wait; says whether it is done already.
    pub(crate) fn invalidate_later(&self, key: &[u8]) -> bool {
        match self {
            Self::Local(l1) => l1.invalidate(key),
            Self::Shared(l2) => {
                l2.invalidate_later(vec![key.into()]);
                return false;
            }
        }
        true
    }
}
