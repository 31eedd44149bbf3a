//! A load by request: the body runs, and its value replaces what was stored when it began.

use std::pin::Pin;
use std::sync::Arc;

use crate::cache::{Call, Resolved};
use crate::codec::Reach;
use crate::policy::Terms;
use crate::shape::{Local, Sharing};
use crate::site::count;
use crate::store::{Permit, Verdict};
use crate::tier::{LeaseGuard, Sighting, Storing};

/// Runs the body, and stores its value unless an invalidation came meanwhile.
///
/// It does not join other loads: its value is one that was loaded after it was asked for.
pub(crate) async fn refresh<S, R, P, F>(call: Call<P>, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let Call { site, cache, key, ttl: terms } = call;
    let cache = Resolved::new(cache);
    let is_used = site.is_enabled() && terms.applies() && !key.is_unusable();
    let (tier, key, version) = (cache.tier_of(site), key.as_bytes(), site.version());
    let lease_ttl = cache.inner.settings.lease;
    // Before the body: both permits are taken away by an invalidation that comes after.
    let mark = tier.mark();
    let (permit, lease): (Option<Permit>, Option<LeaseGuard>) = if !is_used {
        (None, None)
    } else {
        match tier.glimpse::<S::Value, R>(key, version).await {
            Ok(Some(glimpse)) => (Some(Permit::Replace(glimpse.fill_id)), None),
            // Another load under way keeps its lease; this one is then not stored.
            _ => match tier.lookup::<S::Value, R>(key, version, lease_ttl).await {
                Sighting::Lead(lease) => (Some(Permit::Lease(lease.token())), Some(lease)),
                _ => (None, None),
            },
        }
    };
    count(&site.counters().loads);
    let output = body.await;
    let kept = S::value(&output).and_then(|value| {
        let ttl = site.jitter().apply(terms.ttl(S::found(value)), rand::random())?;
        Some((Arc::new(value.clone()), ttl))
    });
    if let (Some((value, ttl)), Some(permit)) = (kept, permit) {
        let storing = Storing { key, version, permit, mark, value: &value, ttl };
        match tier.fill::<S::Value, R>(storing).await {
            Ok(Verdict::Accepted) => {
                count(&site.counters().stored);
                lease.into_iter().for_each(LeaseGuard::forget);
            }
            Ok(Verdict::Refused) => count(&site.counters().refused),
            Err(error) => {
                count(&site.counters().outages);
                crate::trace::outage(site, &error);
            }
        }
    }
    output
}
