//! A call that is answered by what is stored in this process: no await, no lock but the shard's, no allocation.
//!
//! What does not depend on the type of the value is compiled once, here, and not with each function.

use crate::cache::call::{Call, Sought};
use crate::cache::{Cache, current};
use crate::key::KeyBuf;
use crate::policy::Terms;
use crate::shape::{Local, Shape, Shared};
use crate::site::{Site, count};

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
    if call.ttl.applies()
        && let Some(found) = find(call.site, call.cache.as_ref(), call.key, call.instance)
        && let Some(value) = found.downcast_ref::<S::Value>()
    {
        count(&call.site.counters().hits);
        return Sought::Found(S::output(value.clone()));
    }
    Sought::Missed(call)
}

/// What is stored for a function, if it may be read, and is in this process.
fn find(
    site: &'static Site,
    cache: Option<&Cache>,
    key: &KeyBuf,
    instance: Option<&'static str>,
) -> Option<Shared> {
    if !site.is_enabled() || !site.admits(instance) || key.is_unusable() {
        return None;
    }
    match current::known(cache) {
        Some(cache) => get(cache, site, key),
        None => get_in_scope(site, key),
    }
}

/// The rest of [`find`] where there are scopes: in tests, for the most part.
#[cold]
fn get_in_scope(site: &'static Site, key: &KeyBuf) -> Option<Shared> {
    get(&current::Resolved::new(None), site, key)
}

#[inline(always)]
fn get(cache: &Cache, site: &'static Site, key: &KeyBuf) -> Option<Shared> {
    if cache.inner.tasks.is_closed() {
        return None;
    }
    cache.tier_of(site).get_now(key.as_bytes(), site.version(), site.is_strict())
}
