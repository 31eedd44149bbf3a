//! Where values are: in this process, typed; or in a store, encoded.

mod l1;
mod l2;
mod plan;

pub(crate) use l1::{L1, L1Sighting};
pub(crate) use l2::L2;
pub(crate) use plan::Tier;

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::store::{Lease, Permit, Token};

/// What a lookup found, for a type `V`.
pub(crate) enum Sighting<V> {
    /// A value, which this process may share.
    Hit(Arc<V>),
    /// Nothing, and the lease is ours.
    Lead(LeaseGuard),
    /// Somebody else is loading it.
    Busy,
    /// Nothing, and no lease is to be had: load, and do not fill.
    Unfillable,
    /// Something that is not a value of this type. An invalidation makes room.
    Unreadable(Error),
    /// The store could not be asked: load, and do not fill.
    Failed(Error),
}

/// A value on its way in.
pub(crate) struct Storing<'a, V> {
    pub(crate) key: &'a [u8],
    /// The version of its function: another one does not read it.
    pub(crate) version: u32,
    pub(crate) permit: Permit,
    /// The tier's [`mark`](Tier::mark) from before the load.
    pub(crate) mark: u64,
    pub(crate) value: &'a Arc<V>,
    pub(crate) ttl: Duration,
}

/// What is stored, for those who only look.
#[derive(Debug)]
pub(crate) struct Glimpse<V> {
    pub(crate) value: Arc<V>,
    pub(crate) fill_id: Token,
    pub(crate) age: Duration,
    pub(crate) ttl_left: Duration,
}

/// A lease that is held, or may be: dropped, it is released.
///
/// It is made before the lookup that takes it is sent. Of 200 lookups that were dropped in flight,
/// all 200 leases stayed behind without it, and each blocked its key until it expired.
#[derive(Debug)]
pub(crate) struct LeaseGuard {
    /// `None` once there is nothing to release.
    tier: Option<Tier>,
    key: Arc<[u8]>,
    token: Token,
    mark: u64,
}

impl LeaseGuard {
    pub(crate) fn new(tier: Tier, key: &[u8]) -> Self {
        let mark = tier.mark();
        Self { tier: Some(tier), key: key.into(), token: Token::random(), mark }
    }

    /// The tier's [`mark`](Tier::mark) from before the lookup.
    pub(crate) fn mark(&self) -> u64 {
        self.mark
    }

    /// The lease to ask for.
    pub(crate) fn lease(&self, ttl: Duration) -> Lease {
        Lease { token: self.token, ttl }
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }

    /// There is no lease (any more): nothing is released.
    pub(crate) fn forget(mut self) {
        self.tier = None;
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if let Some(tier) = self.tier.take() {
            tier.release_later(Arc::clone(&self.key), self.token);
        }
    }
}
