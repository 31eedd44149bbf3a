//! The tags of the cached function, and what a mutation invalidates of them.

use cachemacro_runtime::generated::batch::{self, TagsOfIds};
use cachemacro_runtime::generated::{self, Call, Tag, Targets, Terms};

use super::{Caller, Value, sharing};
use crate::plan::Tagging;

/// The kind of the tags over the value.
const KIND: &str = "of:";

/// A call whose value names its tag.
pub(super) fn named_by_value(call: Call<'_>, key: usize) -> Call<'_, impl Terms<Value>> {
    let names = move |value: &Value| vec![tag_of(key, value.version % 2)];
    generated::tagged_by_value(&sharing(), call, Vec::new(), &[KIND], names)
}

/// The tags of each key of a batch.
pub(crate) fn of_each(tagging: Option<Tagging>) -> impl TagsOfIds<usize, Value> {
    let by_value = tagging.filter(|tagging| *tagging == Tagging::OfValue);
    let by_key = tagging.filter(|tagging| *tagging != Tagging::OfValue);
    let of_key = move |key: &usize| by_key.map(|tagging| of_key(tagging, *key)).unwrap_or_default();
    let of_value = move |key: &usize, value: &Value| {
        by_value.map(|_| vec![tag_of(*key, value.version % 2)]).unwrap_or_default()
    };
    let texts: &[&str] = if by_value.is_some() { &[KIND] } else { &[] };
    batch::tags(&sharing(), of_key, texts, of_value)
}

impl Caller {
    /// Each of two tags is enough; of those over the value, nobody knows which it is that is stored.
    pub(super) fn tags_to_invalidate(&self, tagging: Tagging, key: usize) -> Vec<Tag> {
        let mut tags = of_key(tagging, key);
        if tagging == Tagging::Two {
            tags.remove(self.number % 2);
        }
        tags
    }

    pub(super) fn tagged_targets(&self, tagging: Tagging, key: usize) -> Vec<Targets> {
        let target = |tag| Targets::Tagged { cache: Some(self.process.cache.clone()), tag };
        self.tags_to_invalidate(tagging, key).into_iter().map(target).collect()
    }
}

/// All tags that the values of a key may stand under.
pub(super) fn of_key(tagging: Tagging, key: usize) -> Vec<Tag> {
    match tagging {
        Tagging::OfKey => vec![tag_of(key, 1)],
        Tagging::Two | Tagging::OfValue => vec![tag_of(key, 0), tag_of(key, 1)],
    }
}

/// Whether the store knows of all of a mutation once it has taken this tag.
pub(crate) fn tells_of(tagging: Tagging, tag: &Tag, key: usize) -> bool {
    *tag == tag_of(key, 1) || tagging == Tagging::Two && *tag == tag_of(key, 0)
}

fn tag_of(key: usize, which: u64) -> Tag {
    Tag::new(&format!("{KIND}{key}:{which}"))
}

/// The keys of the tags, and of their epoch, as the store has them.
pub(crate) fn keys_of_tags(key: usize) -> [String; 3] {
    let tag = |which| format!("cachemacro:tag:of%3A{key}%3A{which}");
    [tag(0), tag(1), "cachemacro:tag::of%3A".to_owned()]
}
