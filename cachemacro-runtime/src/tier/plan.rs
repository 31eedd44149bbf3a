//! Which tier a cache has, and what each step means there.
//!
//! Without a store, the tier in this process is the cache. With one, the store is, and what is read again is kept
//! in front of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::codec::Typed;
use crate::error::Result;
use crate::journal::{Doomed, GuardEnd, Progress, Swept};
use crate::shape::Shared;
use crate::site::Site;
use crate::store::{Lease, Pattern, PutVerdict, Token, Verdict};
use crate::tier::hot::{Asked, Served, Take};
use crate::tier::l1::{L1, L1Sighting};
use crate::tier::l2::{L2, L2Sighting};
use crate::tier::{Coherence, Glimpse, HeldUntil, LeaseGuard, Putting, Seen, Sighting, Storing};

/// Where the values of a cache are.
#[derive(Clone, Debug)]
pub(crate) enum Tier {
    /// In this process.
    Local(Arc<L1>),
    /// In a store.
    Shared(Arc<L2>),
}

impl Tier {
    /// What these arguments were answered with, if that is known without their key: such as
    /// [`serve_now`](Self::serve_now) serves.
    #[inline(always)]
    pub(crate) fn get_asked(&self, asked: Asked, strict: bool) -> Option<Served<'_>> {
        match self {
            Self::Local(l1) => l1.get_asked(asked),
            Self::Shared(l2) if !strict => l2.near()?.get_asked(asked),
            Self::Shared(_) => None,
        }
    }

    /// Serves a value that takes no waiting at all: none, if it is elsewhere. One that is `strict` is not
    /// behind the store. It is found by the arguments from then on, if there are any.
    #[inline(always)]
    pub(crate) fn serve_now(
        &self,
        key: &[u8],
        asked: Option<Asked>,
        version: u64,
        strict: bool,
        take: Take<'_>,
    ) -> bool {
        match self {
            Self::Local(l1) => l1.serve(key, asked, version, take),
            Self::Shared(l2) => {
                !strict && l2.near().is_some_and(|near| near.serve(key, asked, version, take))
            }
        }
    }

    /// A value that takes no waiting at all, past its ttl or not: none, if it is elsewhere. What is kept in
    /// front of a store is never past its ttl.
    pub(crate) fn find_now(&self, key: &[u8], form: Typed, strict: bool) -> Option<Seen> {
        match self {
            Self::Local(l1) => l1.find(key, form),
            Self::Shared(l2) if !strict => l2.near()?.find(key, form),
            Self::Shared(_) => None,
        }
    }

    /// Whether a value is kept in front of a store, and would be served now.
    pub(crate) fn is_near(&self, key: &[u8], version: u64) -> bool {
        match self {
            Self::Local(_) => false,
            Self::Shared(l2) => l2.near().is_some_and(|near| near.holds(key, version)),
        }
    }

    /// Tells when a key has changed since this was called, if the store does.
    pub(crate) fn change(&self, key: &[u8]) -> Option<Notified<'_>> {
        match self {
            Self::Local(_) => None,
            Self::Shared(l2) => l2.near().map(|near| near.change(key)),
        }
    }

    /// Sets the time left of a value, from a place that does not wait.
    pub(crate) fn touch_later(&self, key: &[u8], seen: &Seen, left: Duration) {
        match self {
            Self::Local(l1) => l1.touch(key, seen, left),
            Self::Shared(l2) => l2.touch_later(key.into(), seen.fill_id, left),
        }
    }

    /// Whether other processes see the same values.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Changes with every invalidation that could not be delivered at once.
    pub(crate) fn mark(&self) -> u64 {
        match self {
            Self::Local(_) => 0,
            Self::Shared(l2) => l2.journal().mark(),
        }
    }

    /// A name for a lease or a guard.
    pub(crate) fn token(&self) -> Token {
        match self {
            Self::Local(l1) => l1.token(),
            Self::Shared(l2) => l2.token(),
        }
    }

    /// Looks a key up, and takes the lease if there is nothing.
    pub(crate) async fn lookup(&self, key: &[u8], form: &Typed, ttl: Duration) -> Sighting {
        let (guard, lease) = LeaseGuard::new(self.clone(), key, ttl);
        let (sighting, guard) = match self {
            Self::Local(l1) => match l1.lookup(key, *form, lease) {
                L1Sighting::Lead => return Sighting::Lead(guard),
                L1Sighting::Hit(value) => (Sighting::Hit(value), guard),
                L1Sighting::Busy => (Sighting::Busy, guard),
                L1Sighting::Guarded(value) => (Sighting::Guarded(value), guard),
                L1Sighting::Outdated(fill_id) => (Sighting::Outdated(fill_id), guard),
                L1Sighting::Unreadable(error) => (Sighting::Unreadable(error), guard),
            },
            Self::Shared(l2) => match l2.lookup(key, form, lease).await {
                L2Sighting::Lead => return Sighting::Lead(guard),
                L2Sighting::Hit(value) => (Sighting::Hit(value), guard),
                L2Sighting::Busy => (Sighting::Busy, guard),
                L2Sighting::Guarded(value) => (Sighting::Guarded(value), guard),
                L2Sighting::Unfillable => (Sighting::Unfillable, guard),
                L2Sighting::Outdated(fill_id) => (Sighting::Outdated(fill_id), guard),
                L2Sighting::Moved => (Sighting::Moved, guard),
                L2Sighting::Unreadable(error) => (Sighting::Unreadable(error), guard),
                // The lookup may still take effect: the guard is dropped, and releases.
                L2Sighting::Failed(error) => return Sighting::Failed(error),
            },
        };
        guard.forget();
        sighting
    }

    /// The values under these keys, in one round trip, where they can be served as they are; takes no lease.
    pub(crate) async fn read_many(&self, keys: &[&[u8]], form: Typed) -> Vec<Option<Shared>> {
        match self {
            // What is in this process is found at once, or is not there.
            Self::Local(_) => keys.iter().map(|_| None).collect(),
            Self::Shared(l2) => l2.read_many(keys, form).await,
        }
    }

    /// Looks keys up, and takes the leases of those under which is nothing. In a store that is one round trip, and what
    /// is neither a value nor a lease is told as [`Sighting::Busy`], and left to a lookup of that key alone.
    pub(crate) async fn lookup_many(&self, keys: &[&[u8]], form: Typed, ttl: Duration) -> Vec<Sighting> {
        let l2 = match self {
            Self::Shared(l2) => l2,
            Self::Local(_) => {
                let mut sightings = Vec::with_capacity(keys.len());
                for key in keys {
                    sightings.push(self.lookup(key, &form, ttl).await);
                }
                return sightings;
            }
        };
        let (guards, leases): (Vec<_>, Vec<_>) =
            keys.iter().map(|key| LeaseGuard::new(self.clone(), key, ttl)).unzip();
        let sightings = l2.lookup_many(keys, form, &leases).await.into_iter().zip(guards);
        let sightings = sightings.map(|(sighting, guard)| match sighting {
            L2Sighting::Lead => Sighting::Lead(guard),
            // The guard is dropped, and releases.
            L2Sighting::Moved => Sighting::Moved,
            L2Sighting::Failed(error) => Sighting::Failed(error),
            L2Sighting::Hit(seen) => {
                guard.forget();
                Sighting::Hit(seen)
            }
            _ => {
                guard.forget();
                Sighting::Busy
            }
        });
        sightings.collect()
    }

    /// Looks at what is stored, and takes no lease.
    pub(crate) async fn glimpse(&self, key: &[u8], form: Typed) -> Result<Option<Glimpse>> {
        match self {
            Self::Local(l1) => l1.glimpse(key, form),
            Self::Shared(l2) => l2.glimpse(key, form).await,
        }
    }

    /// Stores a value, if its permit still stands.
    pub(crate) async fn fill(&self, storing: Storing<'_>) -> Result<Verdict> {
        match self {
            Self::Local(l1) => l1.fill(storing),
            Self::Shared(l2) => l2.fill(storing).await,
        }
    }

    /// Stores values, each if its permit still stands; in a store, in one round trip.
    pub(crate) async fn fill_many(&self, storings: Vec<Storing<'_>>) -> Vec<Result<Verdict>> {
        match self {
            Self::Local(l1) => storings.into_iter().map(|storing| l1.fill(storing)).collect(),
            Self::Shared(l2) => l2.fill_many(&storings).await,
        }
    }

    /// Keeps a lease, while the body runs.
    pub(crate) fn renew(&self, key: &Arc<[u8]>, lease: Lease, held: &HeldUntil) {
        match self {
            Self::Local(l1) => {
                l1.renew(key, lease);
                held.set(Instant::now() + lease.ttl);
            }
            Self::Shared(l2) => l2.renew_later(Arc::clone(key), lease, held.clone()),
        }
    }

    /// Gives a lease up, and says whether it was still held.
    pub(crate) async fn release(&self, key: &[u8], token: Token, mark: u64) -> Result<Verdict> {
        match self {
            Self::Local(l1) => Ok(l1.release(key, token)),
            Self::Shared(l2) => l2.release(key, token, mark).await,
        }
    }

    /// Gives leases up, each with its mark, and says of each whether it was still held.
    pub(crate) async fn release_many(&self, leases: &[(&[u8], Token, u64)]) -> Vec<Result<Verdict>> {
        match self {
            Self::Local(l1) => leases.iter().map(|(key, token, _)| Ok(l1.release(key, *token))).collect(),
            Self::Shared(l2) => l2.release_many(leases).await,
        }
    }

    /// Gives a lease up, from a place that cannot wait.
    pub(crate) fn release_later(&self, key: Arc<[u8]>, token: Token) {
        match self {
            Self::Local(l1) => drop(l1.release(&key, token)),
            Self::Shared(l2) => l2.release_later(key, token),
        }
    }

    /// How what is kept in front of a store is doing.
    pub(crate) fn coherence(&self) -> Option<Coherence> {
        match self {
            Self::Local(_) => None,
            Self::Shared(l2) => l2.near().map(|near| near.status()),
        }
    }

    /// The entries in this process, and the bytes that they count for.
    pub(crate) fn size(&self) -> Option<(u64, u64)> {
        match self {
            Self::Local(l1) => Some(l1.size()),
            Self::Shared(_) => None,
        }
    }

    /// Sets how many bytes the functions may take in this process that have a `memory` of their own.
    pub(crate) fn resize(&self, bytes_max: impl Fn(&'static Site) -> Option<u64>) {
        match self {
            Self::Local(l1) => l1.resize(bytes_max),
            Self::Shared(l2) => {
                if let Some(near) = l2.near() {
                    near.resize(bytes_max);
                }
            }
        }
    }

    /// Says that a mutation of these keys is under way.
    pub(crate) async fn begin(&self, keys: &[&[u8]], guard: Lease) -> Result<()> {
        match self {
            Self::Local(l1) => l1.begin(keys, guard),
            Self::Shared(l2) => l2.begin(keys, guard).await,
        }
    }

    /// Keeps guards, while a mutation runs.
    pub(crate) fn renew_guards(&self, keys: &Arc<[Arc<[u8]>]>, guard: Lease) {
        match self {
            Self::Local(l1) => l1.renew_guards(keys, guard),
            Self::Shared(l2) => l2.renew_guards_later(Arc::clone(keys), guard),
        }
    }

    /// Ends a guard, and stores a value if it was the only one.
    pub(crate) async fn put(&self, putting: Putting<'_>) -> Result<PutVerdict> {
        match self {
            Self::Local(l1) => l1.put(putting),
            Self::Shared(l2) => l2.put(putting).await,
        }
    }

    /// Removes keys, and ends the guard on them if there is one.
    pub(crate) async fn invalidate(&self, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) -> Result<()> {
        match self {
            Self::Local(_) => {
                self.invalidate_later(doomed, guard);
                Ok(())
            }
            Self::Shared(l2) => l2.invalidate(doomed, guard).await,
        }
    }

    /// The same, from a place that cannot wait; says whether it is done already.
    pub(crate) fn invalidate_later(&self, doomed: &[Doomed<'_>], guard: Option<GuardEnd>) -> bool {
        match (self, guard) {
            (Self::Local(l1), None) => doomed.iter().for_each(|doomed| l1.invalidate(doomed.key)),
            (Self::Local(l1), Some(guard)) => {
                doomed.iter().for_each(|doomed| l1.end(doomed.key, guard.token))
            }
            (Self::Shared(l2), _) => {
                l2.invalidate_later(doomed, guard);
                return false;
            }
        }
        true
    }

    /// Removes all keys that match.
    pub(crate) async fn sweep(&self, pattern: &Pattern, progress: Progress<'_>) -> Result<Swept> {
        match self {
            Self::Local(l1) => {
                let swept = l1.sweep(pattern);
                progress(swept);
                Ok(swept)
            }
            Self::Shared(l2) => l2.sweep(pattern, progress).await,
        }
    }

    /// The same, from a place that cannot wait; says whether it is done already.
    pub(crate) fn sweep_later(&self, pattern: &Pattern) -> bool {
        match self {
            Self::Local(l1) => {
                l1.sweep(pattern);
                true
            }
            Self::Shared(l2) => {
                l2.sweep_later(pattern);
                false
            }
        }
    }
}
