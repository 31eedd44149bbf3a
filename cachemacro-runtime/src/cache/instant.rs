//! A call of a function that is not async: in this process alone, and nobody waits.

use std::time::{Duration, Instant};

use crate::cache::body::Valued;
use crate::cache::{Cache, Call, Sought};
use crate::codec::{InProcess, Typed};
use crate::policy::Terms;
use crate::shape::{Local, Shape, Shared, owned};
use crate::site::{Site, count};
use crate::store::{Permit, Verdict};
use crate::tag::{Before, Noted};
use crate::tier::{L1, L1Sighting, LeaseGuard, Storing, Tier};

/// How long such a load may take and still be stored. Its lease is released on every way out, a panic
/// too, so that none is left behind for this long.
const LEASE: Duration = Duration::from_secs(60 * 60);

/// Answers a call with what is stored, or with the body.
///
/// Threads that miss at the same time run the body each, and the first of them stores its value.
pub(crate) fn read_now<S, P>(mut call: Call<'_, P>, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    // What has tags is looked at below, with them.
    if !call.site.is_tagged() {
        call = match super::hit::<S, P>(call) {
            Sought::Found(output) => return output,
            Sought::Missed(call) => call,
        };
    }
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, instance, .. } = call;
    let Some(cache) = cache else {
        site.warn_disabled(instance);
        count(&site.counters().loads);
        return body();
    };
    let (tier, key) = (cache.local(), key.as_bytes());
    let Tier::Local(l1) = tier else { unreachable!("the tier in this process is one") };
    // Nothing here asks how large a value may be that leaves the process.
    let form = Typed::new::<S::Value, InProcess>(site.form());
    if site.is_tagged()
        && let Some(value) = l1.get_under(key, form)
    {
        count(&site.counters().hits);
        return S::output(owned(value));
    }
    let lease = match look_up(l1, tier, key, form, terms.before()) {
        Ok(value) => {
            count(&site.counters().hits);
            return S::output(owned(value));
        }
        Err(lease) => lease,
    };
    count(&site.counters().loads);
    let start = Instant::now();
    let output = body();
    let filling = Filling { cache: &cache, site, l1, key, form, cost: start.elapsed() };
    filling.settle::<S, P>(lease, &output, &terms);
    output
}

/// Runs the body, and replaces what is stored.
pub(crate) fn refresh_now<S, P>(mut call: Call<'_, P>, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    let cache = call.take_cache::<S::Found>();
    let Call { site, key, ttl: terms, .. } = call;
    count(&site.counters().loads);
    let Some(cache) = cache else { return body() };
    let (tier, key) = (cache.local(), key.as_bytes());
    let Tier::Local(l1) = tier else { unreachable!("the tier in this process is one") };
    let form = Typed::new::<S::Value, InProcess>(site.form());
    let before = terms.before();
    let found = match before.is_empty() {
        true => l1.glimpse(key, form).ok().flatten().map(|glimpse| (glimpse.fill_id, Noted::default())),
        // Before the body, as the permit is.
        false => l1
            .glimpse_under(key, form)
            .ok()
            .flatten()
            .and_then(|tagged| Some((tagged.glimpse.fill_id, l1.note(before).ok()?))),
    };
    let lease = match found {
        Some(_) => None,
        None => look_up(l1, tier, key, form, before).err().flatten(),
    };
    let start = Instant::now();
    let output = body();
    let filling = Filling { cache: &cache, site, l1, key, form, cost: start.elapsed() };
    match found {
        Some((fill_id, noted)) => filling.fill::<S, P>(Permit::Replace(fill_id), &noted, &output, &terms),
        None => filling.settle::<S, P>(lease, &output, &terms),
    }
    output
}

/// A value, or else a lease if nobody else has it.
fn look_up(
    l1: &L1,
    tier: &Tier,
    key: &[u8],
    form: Typed,
    before: Before<'_>,
) -> Result<Shared, Option<LeaseGuard>> {
    // What cannot be read is replaced: once removed, there is a lease to be had.
    for _ in 0..2 {
        let (mut guard, lease) = LeaseGuard::new(tier.clone(), key, LEASE);
        let (sighting, notes) = match before.is_empty() {
            true => (l1.lookup(key, form, lease), Ok(Vec::new())),
            false => l1.lookup_under(key, form, lease, before),
        };
        match sighting {
            L1Sighting::Hit(seen) if seen.is_fresh() => {
                guard.forget();
                return Ok(seen.value);
            }
            L1Sighting::Lead => {
                // Where a tag has no version, the lease is dropped, and nothing stored.
                let noted = notes.and_then(|notes| Ok(Noted { notes, epochs: l1.notes(before.epochs)? }));
                return Err(noted.ok().map(|noted| {
                    guard.note(noted);
                    guard
                }));
            }
            L1Sighting::Outdated(fill_id) => {
                guard.forget();
                l1.discard(key, fill_id);
            }
            // Nobody was told otherwise yet: the value from before is one of now.
            L1Sighting::Guarded(Some(seen)) if seen.is_fresh() => {
                guard.forget();
                return Ok(seen.value);
            }
            L1Sighting::Unreadable(_) | L1Sighting::Hit(_) => {
                guard.forget();
                l1.invalidate(key);
            }
            L1Sighting::Busy | L1Sighting::Guarded(_) => {
                guard.forget();
                break;
            }
        }
    }
    Err(None)
}

/// A value on its way in, and what its load cost.
struct Filling<'a> {
    cache: &'a Cache,
    site: &'static Site,
    l1: &'a L1,
    key: &'a [u8],
    form: Typed,
    cost: Duration,
}

impl Filling<'_> {
    fn settle<S, P>(&self, lease: Option<LeaseGuard>, output: &S::Output, terms: &P)
    where
        S: Shape,
        S::Value: Local,
        P: Terms<S::Found>,
    {
        let Some(lease) = lease else { return };
        // Dropped after the fill, it releases what was not filled, and nothing else.
        self.fill::<S, P>(Permit::Lease(lease.token()), lease.noted(), output, terms);
    }

    fn fill<S, P>(&self, permit: Permit, noted: &Noted, output: &S::Output, terms: &P)
    where
        S: Shape,
        S::Value: Local,
        P: Terms<S::Found>,
    {
        let Self { cache, site, l1, key, form, cost } = *self;
        let counters = site.counters();
        let kept = cache.kept::<S, P>(site, output, terms, cost);
        let Some((Valued { value, tags: of_value, .. }, life)) = kept else {
            return count(&counters.failures);
        };
        let Some(notes) = l1.note_value(noted, &of_value) else { return count(&counters.refused) };
        let notes = site.is_tagged().then_some(&*notes);
        let storing = Storing { key, form, permit, mark: 0, notes, value: &value, life };
        match l1.fill(storing) {
            Ok(Verdict::Accepted) => count(&counters.stored),
            Ok(Verdict::Refused) => count(&counters.refused),
            Err(error) => {
                count(&counters.outages);
                crate::trace::outage(site, &error);
            }
        }
    }
}
