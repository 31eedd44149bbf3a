//! A call that is answered by what is stored in this process: no await, no allocation, no lock that another thread
//! waits for. Where the arguments have an image, the key is written only if that is not found.
//!
//! What does not depend on the type of the value is compiled once, here, and not with each function. What does is a copy of its own in each
//! of them, so that a hit calls little; not in a debug build, where the copies would be half of what a function costs to build.

use std::any::Any;
use std::num::NonZeroU16;

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
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn hit<S, P>(call: Call<'_, P>) -> Sought<'_, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    let Call { site, cache, key, ttl, instance } = &call;
    if !ttl.applies() || key.is_unusable() || !site.admits(*instance) {
        return Sought::Missed(call);
    }
    let asks = key.words().map(By::Key);
    let found = asks.and_then(|by| answered::<S>(site, cache.as_ref(), by));
    match found.or_else(|| stored::<S>(site, cache.as_ref(), key, asks)) {
        Some(value) => Sought::Found(S::output(value)),
        None => Sought::Missed(call),
    }
}

/// The same, where the key is written only for a call that is not answered by its arguments.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn hit_unwritten<'a, S, P>(
    call: Unwritten<P>,
    key: &'a mut Option<KeyBuf>,
    write: &dyn Fn(&mut KeyBuf),
) -> Sought<'a, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    let Unwritten { site, cache, ttl, image } = call;
    let (applies, asks) = (ttl.applies(), image.words().map(By::Image));
    if applies
        && let Some(by) = asks
        && let Some(value) = answered::<S>(site, cache.as_ref(), by)
    {
        return Sought::Found(S::output(value));
    }
    let key = key.insert(KeyBuf::new());
    write(key);
    if applies
        && !key.is_unusable()
        && let Some(value) = stored::<S>(site, cache.as_ref(), key, asks)
    {
        return Sought::Found(S::output(value));
    }
    Sought::Missed(Call { site, cache, key, ttl, instance: None })
}

/// By what a call asks without a look at the table.
#[derive(Clone, Copy)]
enum By {
    /// By the image of its arguments.
    Image(Words),
    /// By its key, which is short.
    Key(Words),
}

impl By {
    #[inline(always)]
    fn of(self, function: NonZeroU16) -> Asked {
        match self {
            Self::Image(words) => Asked::by_image(function, words),
            Self::Key(words) => Asked::by_key(function, words),
        }
    }
}

/// The value that was the answer to this lately.
#[cfg_attr(not(debug_assertions), inline(always))]
fn answered<S: Shape<Value: Local>>(site: &'static Site, cache: Option<&Cache>, by: By) -> Option<S::Value> {
    let served = match by {
        By::Image([a, b, c]) => get_image(site, cache, a, b, c),
        By::Key([a, b, c]) => get_key(site, cache, a, b, c),
    }?;
    served.value()?.downcast_ref().cloned()
}

/// The value that is stored under a key; it is found by what is asked from then on, if there is such a thing.
#[cfg_attr(not(debug_assertions), inline(always))]
fn stored<S: Shape<Value: Local>>(
    site: &'static Site,
    cache: Option<&Cache>,
    key: &KeyBuf,
    asks: Option<By>,
) -> Option<S::Value> {
    let mut value = None;
    let mut take = |found: &(dyn Any + Send + Sync)| {
        value = found.downcast_ref::<S::Value>().cloned();
        value.is_some()
    };
    if serve(site, cache, key.as_bytes(), asks, &mut take) { value } else { None }
}

/// What arguments with this image were answered with, if it may be read, and is in this process.
// The words one by one, as an array would go through memory.
#[inline(never)]
fn get_image<'a>(
    site: &'static Site,
    cache: Option<&'a Cache>,
    a: u64,
    b: u64,
    c: u64,
) -> Option<Served<'a>> {
    get(site, cache, By::Image([a, b, c]))
}

/// The same for a short key.
#[inline(never)]
fn get_key<'a>(site: &'static Site, cache: Option<&'a Cache>, a: u64, b: u64, c: u64) -> Option<Served<'a>> {
    get(site, cache, By::Key([a, b, c]))
}

#[inline(always)]
fn get<'a>(site: &'static Site, cache: Option<&'a Cache>, by: By) -> Option<Served<'a>> {
    // Nothing was kept for it before it has a number, which no function has that may not cache.
    let asked = by.of(site.number()?);
    // Where there are scopes, `serve` looks for it.
    let served = get_from(current::known(cache)?, site, asked);
    if served.is_some() {
        count(&site.counters().hits);
    }
    served
}

#[inline(always)]
fn get_from<'a>(cache: &'a Cache, site: &'static Site, asked: Asked) -> Option<Served<'a>> {
    if cache.inner.tasks.is_closed() {
        return None;
    }
    cache.tier_of(site).get_asked(asked, site.is_strict())
}

/// Serves what is stored under a key, if it may be read, and is in this process.
#[inline(never)]
fn serve(site: &'static Site, cache: Option<&Cache>, key: &[u8], asks: Option<By>, take: Take<'_>) -> bool {
    if !site.is_enabled() {
        return false;
    }
    let asked = asks.and_then(|by| Some(by.of(site.numbered()?)));
    match current::known(cache) {
        Some(cache) => serve_from(cache, site, key, asked, take),
        None => serve_in_scope(site, key, asked, take),
    }
}

/// The rest of [`serve`] where there are scopes: in tests, for the most part.
#[cold]
fn serve_in_scope(site: &'static Site, key: &[u8], asked: Option<Asked>, take: Take<'_>) -> bool {
    let cache = current::Resolved::new(None);
    let found = asked.and_then(|asked| get_from(&cache, site, asked));
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
