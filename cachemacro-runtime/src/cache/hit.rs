//! A call that is answered by what is stored in this process: no await, no allocation, no lock that another thread
//! waits for. Where the arguments have an image, the key is written only if that is not found.
//!
//! What does not depend on the type of the value is compiled once, here, and not with each function.

use std::any::Any;

use crate::cache::call::{Call, Sought, Unwritten};
use crate::cache::{Cache, current};
use crate::key::{KeyBuf, Words};
use crate::policy::Terms;
use crate::shape::{Local, Shape};
use crate::site::{Site, count};
use crate::tier::{Asked, Served, Take};

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
        && serve(site, cache.as_ref(), key.as_bytes(), None, &mut take::<S>(&mut value))
        && let Some(value) = value
    {
        return Sought::Found(S::output(value));
    }
    Sought::Missed(call)
}

/// The same, where the key is written only for a call that is not answered by its arguments.
#[inline(always)]
pub(crate) fn hit_unwritten<'a, S, P>(
    call: Unwritten<P>,
    key: &'a mut Option<KeyBuf>,
    write: impl FnOnce(&mut KeyBuf),
) -> Sought<'a, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    let Unwritten { site, cache, ttl, image } = call;
    let (applies, words) = (ttl.applies(), image.words());
    if applies
        && let Some([a, b, c]) = words
        && let Some(served) = get_asked(site, cache.as_ref(), a, b, c)
        && let Some(value) = served.value().and_then(<dyn Any + Send + Sync>::downcast_ref::<S::Value>)
    {
        return Sought::Found(S::output(value.clone()));
    }
    let key = key.insert(KeyBuf::new());
    write(key);
    let mut value = None;
    if applies
        && !key.is_unusable()
        && serve(site, cache.as_ref(), key.as_bytes(), words, &mut take::<S>(&mut value))
        && let Some(value) = value
    {
        return Sought::Found(S::output(value));
    }
    Sought::Missed(Call { site, cache, key, ttl, instance: None })
}

/// Takes a value of a function's type.
#[inline(always)]
fn take<S: Shape<Value: Local>>(
    value: &mut Option<S::Value>,
) -> impl FnMut(&(dyn Any + Send + Sync)) -> bool {
    |found| {
        *value = found.downcast_ref::<S::Value>().cloned();
        value.is_some()
    }
}

/// What these arguments were answered with, if it may be read, and is in this process.
// The words one by one, as an array would go through memory.
#[inline(never)]
fn get_asked<'a>(
    site: &'static Site,
    cache: Option<&'a Cache>,
    a: u64,
    b: u64,
    c: u64,
) -> Option<Served<'a>> {
    // Nothing was kept by an image before it has a number, which no function has that may not cache.
    let asked = Asked { function: site.number()?, words: [a, b, c] };
    // Where there are scopes, `serve` looks for it.
    let served = asked_of(current::known(cache)?, site, asked);
    if served.is_some() {
        count(&site.counters().hits);
    }
    served
}

#[inline(always)]
fn asked_of<'a>(cache: &'a Cache, site: &'static Site, asked: Asked) -> Option<Served<'a>> {
    if cache.inner.tasks.is_closed() {
        return None;
    }
    cache.tier_of(site).get_asked(asked, site.is_strict())
}

/// Serves what is stored under a key, if it may be read, and is in this process; it is found by the image from then on,
/// if there is one.
#[inline(never)]
fn serve(
    site: &'static Site,
    cache: Option<&Cache>,
    key: &[u8],
    words: Option<Words>,
    take: Take<'_>,
) -> bool {
    site.is_enabled()
        && match current::known(cache) {
            Some(cache) => serve_from(cache, site, key, asked(site, words), take),
            None => serve_in_scope(site, key, asked(site, words), take),
        }
}

/// What a call of a function that may cache asks.
#[inline(always)]
fn asked(site: &'static Site, words: Option<Words>) -> Option<Asked> {
    words.and_then(|words| Some(Asked { function: site.numbered()?, words }))
}

/// The rest of [`serve`] where there are scopes: in tests, for the most part.
#[cold]
fn serve_in_scope(site: &'static Site, key: &[u8], asked: Option<Asked>, take: Take<'_>) -> bool {
    let cache = current::Resolved::new(None);
    let found = asked.and_then(|asked| asked_of(&cache, site, asked));
    if found.is_some_and(|found| found.value().is_some_and(&mut *take)) {
        count(&site.counters().hits);
        return true;
    }
    serve_from(&cache, site, key, asked, take)
}

#[inline(always)]
fn serve_from(cache: &Cache, site: &'static Site, key: &[u8], asked: Option<Asked>, take: Take<'_>) -> bool {
    let is_served = !cache.inner.tasks.is_closed()
        && cache.tier_of(site).serve_now(key, asked, site.version(), site.is_strict(), take);
    if is_served {
        count(&site.counters().hits);
    }
    is_served
}
