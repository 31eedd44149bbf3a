//! A call of a function that is not async: in this process alone, and nobody waits.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Call, Resolved};
use crate::codec::InProcess;
use crate::policy::Terms;
use crate::shape::{Local, Shape};
use crate::site::{Site, count};
use crate::store::{Permit, Verdict};
use crate::tier::{L1, L1Sighting, LeaseGuard, Storing, Tier};

/// How long such a load may take and still be stored. Its lease is released on every way out, a panic
/// too, so that none is left behind for this long.
const LEASE: Duration = Duration::from_secs(60 * 60);

/// Answers a call with what is stored, or with the body.
///
/// Threads that miss at the same time run the body each, and the first of them stores its value.
pub(crate) fn read_now<S, P>(call: Call<P>, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    let Call { site, cache, key, ttl: terms } = call;
    if !site.is_enabled() || !terms.applies() || key.is_unusable() {
        site.warn_disabled();
        count(&site.counters().loads);
        return body();
    }
    let cache = Resolved::new(cache);
    if cache.inner.tasks.is_closed() {
        count(&site.counters().loads);
        return body();
    }
    let (tier, key) = (cache.local(), key.as_bytes());
    let Tier::Local(l1) = tier else { unreachable!("the tier in this process is one") };
    let version = site.version();
    if let Some(value) = l1.get::<S::Value>(key, version) {
        count(&site.counters().hits);
        return S::output(value);
    }
    let lease = match look_up::<S::Value>(l1, tier, key, version) {
        Ok(value) => {
            count(&site.counters().hits);
            return S::output((*value).clone());
        }
        Err(lease) => lease,
    };
    count(&site.counters().loads);
    let output = body();
    settle::<S, P>(site, l1, key, lease, &output, &terms);
    output
}

/// Runs the body, and replaces what is stored.
pub(crate) fn refresh_now<S, P>(call: Call<P>, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    let Call { site, cache, key, ttl: terms } = call;
    count(&site.counters().loads);
    if !site.is_enabled() || !terms.applies() || key.is_unusable() {
        return body();
    }
    let cache = Resolved::new(cache);
    let (tier, key) = (cache.local(), key.as_bytes());
    let Tier::Local(l1) = tier else { unreachable!("the tier in this process is one") };
    let version = site.version();
    let found = l1.glimpse::<S::Value>(key, version);
    let (permit, lease) = match found {
        Ok(Some(glimpse)) => (Some(Permit::Replace(glimpse.fill_id)), None),
        _ => (None, look_up::<S::Value>(l1, tier, key, version).err().flatten()),
    };
    let output = body();
    match permit {
        Some(permit) => fill::<S, P>(site, l1, key, permit, &output, &terms),
        None => settle::<S, P>(site, l1, key, lease, &output, &terms),
    }
    output
}

/// A value, or else a lease if nobody else has it.
fn look_up<V: Local>(l1: &L1, tier: &Tier, key: &[u8], version: u32) -> Result<Arc<V>, Option<LeaseGuard>> {
    // What cannot be read is replaced: once removed, there is a lease to be had.
    for _ in 0..2 {
        let guard = LeaseGuard::new(tier.clone(), key);
        match l1.lookup(key, version, guard.lease(LEASE)) {
            L1Sighting::Hit(value) => {
                guard.forget();
                return Ok(value);
            }
            L1Sighting::Lead => return Err(Some(guard)),
            L1Sighting::Unreadable(_) => {
                guard.forget();
                l1.invalidate(key);
            }
            L1Sighting::Busy => {
                guard.forget();
                break;
            }
        }
    }
    Err(None)
}

fn settle<S, P>(site: &Site, l1: &L1, key: &[u8], lease: Option<LeaseGuard>, output: &S::Output, terms: &P)
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    let Some(lease) = lease else { return };
    // Dropped after the fill, it releases what was not filled, and nothing else.
    fill::<S, P>(site, l1, key, Permit::Lease(lease.token()), output, terms);
}

fn fill<S, P>(site: &Site, l1: &L1, key: &[u8], permit: Permit, output: &S::Output, terms: &P)
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    let counters = site.counters();
    let kept = S::value(output).and_then(|value| {
        let ttl = site.jitter().apply(terms.ttl(S::found(value)), rand::random())?;
        Some((Arc::new(value.clone()), ttl))
    });
    let Some((value, ttl)) = kept else { return count(&counters.failures) };
    let storing = Storing { key, version: site.version(), permit, mark: 0, value: &value, ttl };
    match l1.fill::<S::Value, InProcess>(storing) {
        Ok(Verdict::Accepted) => count(&counters.stored),
        Ok(Verdict::Refused) => count(&counters.refused),
        Err(error) => {
            count(&counters.outages);
            crate::trace::outage(site, &error);
        }
    }
}
