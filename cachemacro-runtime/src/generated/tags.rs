//! What generated code says of tags.

use std::fmt::Write as _;
use std::marker::PhantomData;

use super::{Invalidating, KeyFor, Of, Shape};
use crate::cache::{Cache, Call};
use crate::key::KeyBuf;
use crate::policy::{Tagged, TaggedByValue};
use crate::tag::Tag;

/// A call whose value stands under these tags.
pub fn tagged<P>(call: Call<'_, P>, tags: Vec<Tag>) -> Call<'_, Tagged<P>> {
    let Call { site, cache, key, ttl, instance } = call;
    Call { site, cache, key, ttl: Tagged::new(ttl, tags), instance }
}

/// The same, and under the tags that it names itself. Each of these begins with one of the texts.
pub fn tagged_by_value<'a, S, P, F>(
    _shape: &S,
    call: Call<'a, P>,
    tags: Vec<Tag>,
    texts: &[&str],
    of_value: F,
) -> Call<'a, Of<S::Found, TaggedByValue<P, F>>>
where
    S: Shape,
    F: Fn(&S::Found) -> Vec<Tag>,
{
    let Call { site, cache, key, ttl, instance } = call;
    let terms = TaggedByValue::new(Tagged::new(ttl, tags), texts, of_value);
    Call { site, cache, key, ttl: Of { terms, found: PhantomData }, instance }
}

/// A tag, by what its template writes.
pub fn tag(name: KeyBuf) -> Tag {
    name.into()
}

/// Invalidates all values under a tag.
pub fn invalidate_tag(cache: Option<Cache>, tag: Tag) -> Invalidating {
    Box::pin(crate::cache::invalidate_tag(cache, tag))
}

/// A cached function with a group over the parameters at these places, as bits.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no group over these arguments",
    label = "`..` stands for what no group leaves out",
    note = "add `groups(…)` with the parameters that are written here to its `#[cache_result(…)]`, like `groups(user_id)`"
)]
pub trait Group<const PLACES: u64> {
    /// The types of the parameters, as a tuple of markers.
    type Parts;
    /// The function's crate, modules and name.
    const PATH: &'static str;
}

/// Arguments for the parameters of a group.
pub trait GroupParts<T> {
    /// Writes them, with a comma between two.
    fn write(&self, key: &mut KeyBuf);
}

macro_rules! group_parts {
    ($first:ident $First:ident $FirstOf:ident $(, $part:ident $Part:ident $PartOf:ident)*) => {
        impl<$First, $FirstOf: ?Sized, $($Part, $PartOf: ?Sized),*> GroupParts<(PhantomData<$FirstOf>, $(PhantomData<$PartOf>,)*)>
            for (&$First, $(&$Part,)*)
        where
            $First: KeyFor<$FirstOf>,
            $($Part: KeyFor<$PartOf>,)*
        {
            fn write(&self, key: &mut KeyBuf) {
                let ($first, $($part,)*) = self;
                $first.write(key);
                $(
                    key.push_raw(",");
                    $part.write(key);
                )*
            }
        }
    };
}
group_parts!(a A AOf);
group_parts!(a A AOf, b B BOf);
group_parts!(a A AOf, b B BOf, c C COf);
group_parts!(a A AOf, b B BOf, c C COf, d D DOf);

/// The tag of one part of a function's arguments.
pub fn group<G, const PLACES: u64, A>(parts: &A) -> Tag
where
    G: Group<PLACES>,
    A: GroupParts<G::Parts>,
{
    let mut name = KeyBuf::new();
    // A tag that begins with a separator has no kind, and so no epoch: there is no group over a value.
    name.push_raw("|");
    name.push_raw(G::PATH);
    let mut places = String::new();
    let _ = write!(places, "|{PLACES}:");
    name.push_raw(&places);
    parts.write(&mut name);
    name.into()
}
