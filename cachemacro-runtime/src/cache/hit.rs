//! A call that is answered by what is stored in this process: no await, no allocation, no lock that another thread
//! waits for.
//!
//! What does not depend on the type of the value is compiled once, here, and not with each function.

use crate::cache::call::{Call, Sought};
use crate::cache::{Cache, current};
use crate::policy::Terms;
use crate::shape::{Local, Shape};
use crate::site::{Site, count};
use crate::tier::Take;

/// Answers a call, if that takes no waiting at all.
///
/// What it does not answer, [`read`](super::read()) does; it also says why a function does not cache.
// The shell alone: what it calls is not.
#[inline(always)]
pub(crate) fn hit<S, P>(call: Call<'_, P>) -> Sought<'_, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    let Call { site, cache, key, ttl, instance } = &call;
    let mut value = None;
    if ttl.applies()
        && !key.is_unusable()
        && site.admits(*instance)
        && serve(site, cache.as_ref(), key.as_bytes(), &mut |found| {
            value = found.downcast_ref::<S::Value>().cloned();
            value.is_some()
        })
        && let Some(value) = value
    {
        return Sought::Found(S::output(value));
    }
    Sought::Missed(call)
}

/// Serves what is stored for a function, if it may be read, and is in this process.
#[inline(never)]
fn serve(site: &'static Site, cache: Option<&Cache>, key: &[u8], take: Take<'_>) -> bool {
    site.is_enabled()
        && match current::known(cache) {
            Some(cache) => serve_from(cache, site, key, take),
            None => serve_in_scope(site, key, take),
        }
}

/// The rest of [`serve`] where there are scopes: in tests, for the most part.
#[cold]
fn serve_in_scope(site: &'static Site, key: &[u8], take: Take<'_>) -> bool {
    serve_from(&current::Resolved::new(None), site, key, take)
}

#[inline(always)]
fn serve_from(cache: &Cache, site: &'static Site, key: &[u8], take: Take<'_>) -> bool {
    let is_served = !cache.inner.tasks.is_closed()
        && cache.tier_of(site).serve_now(key, site.version(), site.is_strict(), take);
    if is_served {
        count(&site.counters().hits);
    }
    is_served
}
