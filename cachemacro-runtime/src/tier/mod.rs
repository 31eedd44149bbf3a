//! Where values are: in this process, typed; or in a store, encoded, with those that are read again kept in front of it.

mod gather;
mod hot;
mod l1;
mod l2;
mod link;
mod near;
mod plan;
mod rooms;
mod seen;
mod tagged;

pub(crate) use hot::{Asked, Served, Take};
pub(crate) use l1::{L1, L1Sighting};
pub(crate) use l2::{Gathering, L2};
pub use near::Coherence;
pub(crate) use near::{Near, NearLimits};
pub(crate) use plan::Tier;
pub(crate) use seen::Seen;
pub(crate) use tagged::Tagged;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::codec::Typed;
use crate::error::Error;
use crate::mutants::{self, Mutant};
use crate::policy::{Life, Stamp};
use crate::protocol::tags::Standing;
use crate::shape::Shared;
use crate::site::Site;
use crate::store::{Lease, Permit, Token};
use crate::tag::{Note, Noted};

/// What a lookup found, of the type that was asked for.
pub(crate) enum Sighting {
    /// A value, which this process may share while it is fresh.
    Hit(Seen),
    /// Nothing, and the lease is ours.
    Lead(LeaseGuard),
    /// Somebody else is loading it.
    Busy,
    /// Writers are at work: load, and do not fill. Their value from before may be served, if there is one.
    Guarded(Option<Seen>),
    /// Nothing, and no lease is to be had: load, and do not fill.
    Unfillable,
    /// A value of this fill, whose tags or whose era say that it may never be served again.
    Outdated(Token),
    /// Nothing, and the lease that was granted is of an era that is over: it is worth asking again.
    Moved,
    /// Something that is not a value of this type. An invalidation makes room.
    Unreadable(Error),
    /// The store could not be asked: load, and do not fill.
    Failed(Error),
}

/// A value on its way in.
pub(crate) struct Storing<'a> {
    pub(crate) key: &'a [u8],
    /// The form of its function's values.
    pub(crate) form: Typed,
    pub(crate) permit: Permit,
    /// The tier's [`mark`](Tier::mark) from before the load.
    pub(crate) mark: u64,
    /// The versions of its tags; `None` if it is of a function that has none.
    pub(crate) notes: Option<&'a [Note]>,
    pub(crate) value: &'a Shared,
    pub(crate) life: Life,
}

/// The versions of tags; or why nothing can be stored under them now.
pub(crate) type Tags = std::result::Result<Vec<Note>, Standing>;

/// A value that a mutation returns, on its way in at the end of a guard.
pub(crate) struct Putting<'a> {
    pub(crate) key: &'a [u8],
    /// The function whose key it is.
    pub(crate) site: Option<&'static Site>,
    pub(crate) form: Typed,
    pub(crate) guard: Token,
    pub(crate) value: &'a Shared,
    pub(crate) life: Life,
}

/// What is stored, for those who only look.
#[derive(Debug)]
pub(crate) struct Glimpse {
    pub(crate) value: Shared,
    pub(crate) fill_id: Token,
    pub(crate) age: Duration,
    pub(crate) stamp: Stamp,
    /// What is left of its ttl; nothing if it is past it.
    pub(crate) ttl_left: Duration,
}

impl Glimpse {
    /// A value that the store keeps for so long from now on.
    fn of(seen: Seen, kept: Duration) -> Self {
        let Seen { value, fill_id, age, stamp } = seen;
        Self { value, fill_id, age, stamp, ttl_left: stamp.fresh.saturating_sub(age).min(kept) }
    }

    /// The same as a lookup finds it.
    pub(crate) fn seen(&self) -> Seen {
        let Self { value, fill_id, age, stamp, .. } = self;
        Seen { value: Arc::clone(value), fill_id: *fill_id, age: *age, stamp: *stamp }
    }
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
    /// Until when it is held for certain, if it is not renewed.
    until: Instant,
    renewed: OnceLock<HeldUntil>,
    // By itself, as hits have none, and each makes one of these.
    noted: Option<Box<Noted>>,
}

impl LeaseGuard {
    /// The lease to ask for, now.
    pub(crate) fn new(tier: Tier, key: &[u8], ttl: Duration) -> (Self, Lease) {
        let mark = tier.mark();
        let token = match &tier {
            Tier::Shared(l2) if mutants::is(Mutant::OneTokenPerProcess) => {
                Token::from((Arc::as_ptr(l2).addr() as u128).to_be_bytes())
            }
            tier => tier.token(),
        };
        let guard = Self {
            tier: Some(tier),
            key: key.into(),
            token,
            mark,
            until: Instant::now() + ttl,
            renewed: OnceLock::new(),
            noted: None,
        };
        (guard, Lease { token, ttl })
    }

    /// The tier's [`mark`](Tier::mark) from before the lookup.
    pub(crate) fn mark(&self) -> u64 {
        self.mark
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }

    /// Notes what its load begins under.
    pub(crate) fn note(&mut self, noted: Noted) {
        self.noted = Some(Box::new(noted));
    }

    /// That; nothing without tags.
    pub(crate) fn noted(&self) -> &Noted {
        self.noted.as_deref().unwrap_or(Noted::nothing())
    }

    /// Keeps the lease, while the body runs.
    pub(crate) fn renew(&self, ttl: Duration) {
        if let Some(tier) = &self.tier
            && !mutants::is(Mutant::LeaseNotRenewed)
        {
            let held = self.renewed.get_or_init(|| HeldUntil(Arc::new(Mutex::new(self.until))));
            tier.renew(&self.key, Lease { token: self.token, ttl }, held);
        }
    }

    /// Whether the lease is over by this process's own clock, or will be before a fill could arrive:
    /// one that is sent then would at best be refused.
    pub(crate) fn is_over(&self, ttl: Duration) -> bool {
        Instant::now() + ttl / FILL_MARGIN > self.renewed.get().map_or(self.until, HeldUntil::get)
    }

    /// There is no lease (any more): nothing is released.
    pub(crate) fn forget(mut self) {
        self.tier = None;
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if let Some(tier) = self.tier.take()
            && !mutants::is(Mutant::LeaseNotReleased)
        {
            tier.release_later(Arc::clone(&self.key), self.token);
        }
    }
}

/// No fill is sent in the last tenth of a lease.
const FILL_MARGIN: u32 = 10;

/// Until when a lease is held for certain: it was asked for that long before.
#[derive(Clone, Debug)]
pub(crate) struct HeldUntil(Arc<Mutex<Instant>>);

impl HeldUntil {
    fn get(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::memory::MemoryLimits;

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_over_a_tenth_of_it_early_unless_it_is_renewed() {
        let tier = Tier::Local(Arc::new(L1::new(MemoryLimits::default(), &[], Clock::manual())));
        let second = Duration::from_secs(1);
        let (guard, _) = LeaseGuard::new(tier, b"k", second);
        tokio::time::advance(second * 89 / 100).await;
        assert!(!guard.is_over(second));
        guard.renew(second);
        tokio::time::advance(second * 89 / 100).await;
        assert!(!guard.is_over(second));
        tokio::time::advance(second * 2 / 100).await;
        assert!(guard.is_over(second));
    }
}
