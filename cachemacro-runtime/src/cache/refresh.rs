//! A load by request: the body runs, and its value replaces what was stored when it began.

use std::pin::Pin;
use std::sync::Arc;

use crate::cache::{Call, Resolved};
use crate::shape::{Cacheable, Sharing};
use crate::site::count;
use crate::store::{Permit, Verdict};
use crate::tier::{LeaseGuard, Sighting, Storing};

/// Runs the body, and stores its value unless an invalidation came meanwhile.
///
/// It does not join other loads: its value is one that was loaded after it was asked for.
pub(crate) async fn refresh<S, F>(call: Call, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    F: Future<Output = S::Output>,
{
    let Call { site, cache, key, ttl, instance } = call;
    let cache = Resolved::new(cache);
    let (tier, key, lease_ttl) = (cache.tier(), key.as_bytes(), cache.inner.settings.lease);
    // Before the body: both permits are taken away by an invalidation that comes after.
    let mark = tier.mark();
    let (permit, lease): (Option<Permit>, Option<LeaseGuard>) =
        if !site.is_enabled() || !site.admits(instance) {
            (None, None)
        } else {
            match tier.glimpse::<S::Value>(key).await {
                Ok(Some(glimpse)) => (Some(Permit::Replace(glimpse.fill_id)), None),
                // Another load under way keeps its lease; this one is then not stored.
                _ => match tier.lookup::<S::Value>(key, lease_ttl).await {
                    Sighting::Lead(lease) => (Some(Permit::Lease(lease.token())), Some(lease)),
                    _ => (None, None),
                },
            }
        };
    count(&site.counters().loads);
    let output = body.await;
    let ttl = site.jitter().apply(ttl, rand::random());
    if let (Some(value), Some(permit), Some(ttl)) = (S::value(&output), permit, ttl) {
        let value = Arc::new(value.clone());
        match tier.fill(Storing { key, permit, mark, value: &value, ttl }).await {
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
