//! A call for many ids: what is stored of them in one round trip, and one body for the rest.
//!
//! Each id goes the way of a call for it alone, with its own flight, lease and verdict: what holds of a
//! single call holds of each. What is added is the read of all of them at once before, which is nobody else's,
//! and the body that they share; [`protocol::batch`](crate::protocol::batch) says when that starts, and for whom.

mod gather;
mod herd;
mod led;
mod notes;

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use crate::cache::body::{Lender, Lending, can_receive};
use crate::cache::read::{Load, deadline};
use crate::cache::{Cache, Call, Resolved, Sought, hit, read, read_missing, warm};
use crate::codec::{Reach, Typed};
use crate::flight::Seat;
use crate::key::KeyBuf;
use crate::policy::{OfId, TagsOfIds, Terms};
use crate::shape::batch::{Answers, BatchOutput, Each, Failed};
use crate::shape::{Local, Sharing, owned};
use crate::site::Site;
use crate::stripe::Count;
use crate::tier::LeaseGuard;
use herd::Herd;
use led::{Led, Standing};

pub(crate) use gather::Gatherings;
pub(crate) use herd::waits;

/// How many ids are under way at once in one call: more go one after the other. Most databases take more
/// parameters than that in one statement, and the largest command is then of moderate size.
pub(crate) const AT_ONCE: usize = 512;

/// One call of a batch. `P` is what its attribute says of each value, and `T` of its tags.
#[derive(Debug)]
pub struct BatchCall<P, T = ()> {
    /// The function.
    pub site: &'static Site,
    /// The cache that the attribute names, if it does.
    pub cache: Option<Cache>,
    /// Whether values are kept, and how long.
    pub ttl: P,
    /// How many ids a body is called for at most.
    pub chunk: usize,
    /// The tags of each id.
    pub tags: T,
}

/// Answers a call for these ids.
pub(crate) async fn batch<S, R, P, T, K, O, B, F>(
    call: BatchCall<P, T>,
    asked: Vec<K>,
    key: impl Fn(&K, &mut KeyBuf),
    body: B,
) -> O
where
    S: Sharing<Output = Each<K, O>, Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    T: TagsOfIds<K, S::Found>,
    K: Clone + Eq + Hash,
    O: BatchOutput<K, Value: Clone>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    let BatchCall { site, cache, ttl: terms, chunk, tags } = call;
    let cache = Resolved::new(cache);
    let loads = || add(&site.counters().loads, asked.len());
    if !site.is_enabled() || !terms.applies() || cache.inner.tasks.is_closed() {
        site.warn_disabled(None);
        loads();
        warm::ran(site);
        return body(asked).await;
    }
    let (ids, places) = distinct(&asked);
    let written = |id: &K| {
        let mut buffer = KeyBuf::new();
        key(id, &mut buffer);
        buffer
    };
    let keys: Vec<KeyBuf> = ids.iter().map(written).collect();
    let of_ids: Vec<OfId<'_, P, T, K>> = ids.iter().map(|id| OfId::new(&terms, &tags, id)).collect();
    let one = |at: usize| Call {
        site,
        cache: Some((*cache).clone()),
        key: &keys[at],
        ttl: &of_ids[at],
        instance: None,
    };
    let form = cache.typed::<S::Value, R>(site);
    let mut found: Vec<Option<O::Value>> = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for at in 0..ids.len() {
        found.push(match seek::<S, R, _>(one(at)) {
            Sought::Found(output) => output.ok().flatten(),
            Sought::Missed(_) => {
                missing.push(at);
                None
            }
        });
    }
    for missing in missing.chunks(AT_ONCE) {
        let mut rest = missing.to_vec();
        if missing.len() > 1 && !missing.iter().any(|at| keys[*at].is_unusable()) {
            rest.clear();
            let bytes: Vec<&[u8]> = missing.iter().map(|at| keys[*at].as_bytes()).collect();
            let tier = cache.tier_of(site);
            let read = match site.is_tagged() {
                false => tier.read_many(&bytes, form).await,
                true => {
                    let before: Vec<_> = missing.iter().map(|at| of_ids[*at].before()).collect();
                    tier.read_many_under(&bytes, form, &before).await
                }
            };
            for (at, value) in missing.iter().zip(read) {
                match value {
                    Some(value) => found[*at] = S::output(owned(value)).ok().flatten(),
                    None => rest.push(*at),
                }
            }
            add(&site.counters().hits, missing.len() - rest.len());
        }
        let load = |at: usize| Load {
            site,
            cache: &cache,
            tier: cache.tier_of(site),
            key: keys[at].as_bytes(),
            form,
            can_receive: can_receive::<S>,
            before: of_ids[at].before(),
            deadline: deadline(&cache),
            has_failed: false,
        };
        let is_led = !site.is_raw() && !rest.iter().any(|at| keys[*at].is_unusable());
        let led = Led::new(cache.inner.settings.lease);
        let ways: Vec<Option<Way<'_, OfId<'_, P, T, K>>>> = if is_led {
            let loads: Vec<_> = rest.iter().map(|at| load(*at)).collect();
            let standings = led::lead(&loads).await;
            let mut members = Vec::with_capacity(rest.len());
            let mut ways = Vec::with_capacity(rest.len());
            for ((at, load), standing) in rest.iter().zip(loads).zip(standings) {
                ways.push(match standing {
                    Standing::Found(value) => {
                        found[*at] = S::output(owned(value)).ok().flatten();
                        continue;
                    }
                    Standing::Leased(lead) => {
                        led.push(Some((load, &of_ids[*at], lead)));
                        None
                    }
                    Standing::Alone { seat, has_failed } => {
                        led.push(None);
                        Some(Way::Seated(Box::new(Load { has_failed, ..load }), &of_ids[*at], seat))
                    }
                });
                members.push(*at);
            }
            rest = members;
            ways
        } else {
            rest.iter().map(|at| Some(Way::Called(one(*at)))).collect()
        };
        let herd = Herd::new(rest.len());
        let calls = ways
            .into_iter()
            .enumerate()
            .map(|(member, way)| way.map(|way| herd.call(member, |wanted| go_on::<S, R, _, _>(way, wanted))));
        let calls: Vec<_> = calls.collect();
        let load = |members: &[usize]| {
            let ids: Vec<K> = members.iter().map(|member| ids[rest[*member]].clone()).collect();
            let loading = body(ids.clone());
            async move {
                match loading.await.split() {
                    Ok(answers) => answers.of(&ids).into_iter().map(Ok).collect(),
                    Err(error) => {
                        let failed = Failed::new(error);
                        ids.iter().map(|_| Err(failed.again())).collect()
                    }
                }
            }
        };
        let run = herd.run(calls, chunk.clamp(1, AT_ONCE), load, |came| led.settle::<S>(came));
        let outputs = tokio::select! {
            outputs = run => outputs,
            never = led.keep() => match never {},
        };
        for (at, output) in rest.iter().zip(outputs) {
            match output {
                Some(Ok(value)) => found[*at] = value,
                Some(Err(failed)) => {
                    let error = failed.take().expect("an error is taken once by each batch");
                    return O::join(Err(error));
                }
                // It was left, as another has failed.
                None => {}
            }
        }
    }
    O::join(Ok(O::Answers::from_found(ids, found, &places)))
}

/// A hit in this process.
fn seek<S, R, P>(mut call: Call<'_, P>) -> Sought<'_, S::Output, P>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
{
    if !call.site.is_tagged() {
        return hit::<S, P>(call);
    }
    let Some(cache) = call.take_cache::<S::Found>() else { return Sought::Missed(call) };
    let (site, key) = (call.site, call.key.as_bytes());
    match cache.tier_of(site).get_under(key, Typed::new::<S::Value, R>(site.form()), site.is_strict()) {
        Some(value) => {
            add(&site.counters().hits, 1);
            Sought::Found(S::output(owned(value)))
        }
        None => {
            call.cache = Some((*cache).clone());
            Sought::Missed(call)
        }
    }
}

/// How an id goes on that is looked up by itself.
enum Way<'a, P> {
    /// From the seat that it has taken.
    Seated(Box<Load<'a>>, &'a P, Seat<LeaseGuard>),
    /// From the start.
    Called(Call<'a, &'a P>),
}

async fn go_on<S, R, P, F>(way: Way<'_, P>, wanted: F) -> S::Output
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let (lender, wanted) = (Lender::new(), pin!(wanted));
    match way {
        Way::Called(call) => read_missing::<S, R, &P, F>(call, &lender, wanted).await,
        Way::Seated(load, terms, seat) => {
            let flow = Box::pin(crate::trace::miss(load.site, load.answer_from(seat, lender.lend())));
            Lending::<S, &P>::new(flow, &lender, terms).with(wanted).await
        }
    }
}

/// Answers a call for one of these ids; if its body is needed, those who come within `window` share it.
pub(crate) async fn one<S, R, P, T, K, O, B, F>(
    call: BatchCall<P, T>,
    (id, key): (K, KeyBuf),
    window: Duration,
    body: B,
) -> O::One
where
    S: Sharing<Output = Each<K, O>, Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    T: TagsOfIds<K, S::Found>,
    K: Clone + Eq + Hash + Send + 'static,
    O: BatchOutput<K, Value: Send + 'static>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    let BatchCall { site, cache, ttl: terms, chunk, tags } = call;
    let cache = Resolved::new(cache);
    let gathering = cache.inner.gatherings.of::<K, O::Value>(site);
    let of_id = OfId::new(&terms, &tags, &id);
    let call = Call { site, cache: Some((*cache).clone()), key: &key, ttl: &of_id, instance: None };
    let output = match seek::<S, R, _>(call) {
        Sought::Found(output) => output,
        Sought::Missed(call) => {
            let most = chunk.clamp(1, AT_ONCE);
            let value = gather::gathered::<S, K, O, B, F>(gathering, id.clone(), (window, most), body);
            read::<S, R, _, _>(call, &Lender::new(), pin!(value)).await
        }
    };
    O::one(output.map_err(|failed| failed.take().expect("an error is taken once by each caller")))
}

/// Each id once, in their order; and for each that was asked for, which of these it is.
fn distinct<K: Clone + Eq + Hash>(asked: &[K]) -> (Vec<K>, Vec<usize>) {
    let mut ids: Vec<K> = Vec::with_capacity(asked.len());
    let mut known = HashMap::with_capacity(asked.len());
    let places = asked
        .iter()
        .map(|id| {
            *known.entry(id).or_insert_with(|| {
                ids.push(id.clone());
                ids.len() - 1
            })
        })
        .collect();
    (ids, places)
}

fn add(counter: &impl Count, count: usize) {
    counter.add(count as u64);
}
