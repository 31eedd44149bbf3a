//! A load by request: the body runs, and its value replaces what was stored when it began.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::body::Valued;
use crate::cache::{Call, Owned};
use crate::codec::Reach;
use crate::policy::Terms;
use crate::shape::{Local, Sharing};
use crate::site::count;
use crate::store::{Permit, Verdict};
use crate::tag::Noted;
use crate::tier::{LeaseGuard, Sighting, Storing, Tier};

/// Runs the body, and stores its value unless an invalidation came meanwhile.
///
/// It does not join other loads: its value is one that was loaded after it was asked for.
pub(crate) async fn refresh<S, R, P, F>(mut call: Call<'_, P>, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, .. } = call;
    count(&site.counters().loads);
    let Some(cache) = cache else { return body.await };
    let (tier, key, form) = (cache.tier_of(site), key.as_bytes(), cache.typed::<S::Value, R>(site));
    let lease_ttl = cache.inner.settings.lease;
    // Before the body: both permits are taken away by an invalidation that comes after.
    let mark = tier.mark();
    let raw = match tier {
        Tier::Shared(l2) if site.is_raw() => Some(l2),
        _ => None,
    };
    let before = terms.before();
    // Before the body, as the permit is.
    let mut noted = Noted::default();
    let (permit, lease): (Option<Permit>, Option<LeaseGuard>) = if raw.is_some() {
        (None, None)
    } else if !before.is_empty() {
        match (tier.note(before, lease_ttl).await, tier.glimpse_under(key, form).await) {
            (Ok(now), Ok(Some(tagged))) => {
                noted = now;
                (Some(Permit::Replace(tagged.glimpse.fill_id)), None)
            }
            _ => match tier.lookup_under(key, &form, lease_ttl, before).await {
                Sighting::Lead(lease) => {
                    noted = lease.noted().clone();
                    (Some(Permit::Lease(lease.token())), Some(lease))
                }
                _ => (None, None),
            },
        }
    } else {
        match tier.glimpse(key, form).await {
            Ok(Some(glimpse)) => (Some(Permit::Replace(glimpse.fill_id)), None),
            // Another load under way keeps its lease; this one is then not stored.
            _ => match tier.lookup(key, &form, lease_ttl).await {
                Sighting::Lead(lease) => (Some(Permit::Lease(lease.token())), Some(lease)),
                _ => (None, None),
            },
        }
    };
    let start = Instant::now();
    let output = body.await;
    let cost = start.elapsed();
    let kept = cache.kept::<S, P>(site, &output, &terms, cost);
    if let (Some((valued, life)), Some(l2)) = (&kept, raw) {
        match l2.write_raw(key, form, &valued.value, *life).await {
            Ok(()) => count(&site.counters().stored),
            Err(error) => {
                count(&site.counters().outages);
                crate::trace::outage(site, &error);
            }
        }
    }
    if let (Some((Valued { value, tags: of_value, .. }, life)), Some(permit)) = (kept, permit) {
        let Some(notes) = tier.note_value(&noted, &of_value, lease_ttl).await else {
            count(&site.counters().refused);
            return output;
        };
        let notes = site.is_tagged().then_some(&*notes);
        let storing = Storing { key, form, permit, mark, notes, value: &value, life };
        match tier.fill(storing).await {
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

/// The same for a call that owns its key; the body is on the heap.
pub(crate) fn refresh_owned<S, R, F>(call: Owned, body: F) -> impl Future<Output = S::Output>
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    F: Future<Output = S::Output>,
{
    let mut body = Box::pin(body);
    async move {
        let Owned { site, cache, key, ttl } = call;
        let call = Call { site, cache, key: &key, ttl, instance: None };
        refresh::<S, R, Duration, F>(call, body.as_mut()).await
    }
}
