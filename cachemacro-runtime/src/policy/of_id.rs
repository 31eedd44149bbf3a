//! What the attribute of a batch says of one of its ids.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::Terms;
use crate::tag::{Before, Tag};

/// The tags of each id of a batch. `K` is an id, and `V` what may be looked at of its value.
pub trait TagsOfIds<K, V> {
    /// Those that are known before it is loaded, in the order of the attribute.
    fn of_id(&self, id: &K) -> Vec<Tag>;

    /// The epochs of those that its value names.
    fn epochs(&self) -> &[Tag];

    /// Those that its value names, in the order of the attribute.
    fn of_value(&self, id: &K, found: &V) -> Vec<Tag>;
}

/// None.
impl<K, V> TagsOfIds<K, V> for () {
    fn of_id(&self, _id: &K) -> Vec<Tag> {
        Vec::new()
    }

    fn epochs(&self) -> &[Tag] {
        &[]
    }

    fn of_value(&self, _id: &K, _found: &V) -> Vec<Tag> {
        Vec::new()
    }
}

/// Those that an attribute writes, by values of the type `V`, which the engine does not know by name.
pub struct TagsByIds<V, F, G> {
    of_id: F,
    epochs: Vec<Tag>,
    of_value: G,
    found: PhantomData<fn(&V)>,
}

impl<V, F, G> TagsByIds<V, F, G> {
    /// Those that the two name. Each of the second begins with one of the texts.
    pub fn new(of_id: F, texts: &[&str], of_value: G) -> Self {
        let epochs = texts.iter().filter_map(|text| Tag::epoch_of(text)).collect();
        Self { of_id, epochs, of_value, found: PhantomData }
    }
}

impl<K, V, W, F, G> TagsOfIds<K, W> for TagsByIds<V, F, G>
where
    V: 'static,
    W: 'static,
    F: Fn(&K) -> Vec<Tag>,
    G: Fn(&K, &V) -> Vec<Tag>,
{
    fn of_id(&self, id: &K) -> Vec<Tag> {
        (self.of_id)(id)
    }

    fn epochs(&self) -> &[Tag] {
        &self.epochs
    }

    fn of_value(&self, id: &K, found: &W) -> Vec<Tag> {
        let found = (found as &dyn Any).downcast_ref().expect("both are what the function returns");
        (self.of_value)(id, found)
    }
}

impl<V, F, G> fmt::Debug for TagsByIds<V, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagsByIds").field("epochs", &self.epochs).finish_non_exhaustive()
    }
}

/// The terms of one id: those of the call, and its own tags.
pub(crate) struct OfId<'a, P, T, K> {
    terms: &'a P,
    tagging: &'a T,
    id: &'a K,
    tags: Vec<Tag>,
}

impl<'a, P, T, K> OfId<'a, P, T, K> {
    pub(crate) fn new<V>(terms: &'a P, tagging: &'a T, id: &'a K) -> Self
    where
        T: TagsOfIds<K, V>,
    {
        Self { terms, tagging, id, tags: tagging.of_id(id) }
    }
}

impl<V, P, T, K> Terms<V> for OfId<'_, P, T, K>
where
    P: Terms<V>,
    T: TagsOfIds<K, V>,
{
    fn applies(&self) -> bool {
        self.terms.applies()
    }

    fn ttl(&self, found: Option<&V>) -> Duration {
        self.terms.ttl(found)
    }

    fn before(&self) -> Before<'_> {
        Before { tags: &self.tags, epochs: self.tagging.epochs() }
    }

    fn tags_of(&self, found: Option<&V>) -> Vec<Tag> {
        found.map(|found| self.tagging.of_value(self.id, found)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_its_own_tags_and_the_terms_of_the_call() {
        let tags = TagsByIds::new(
            |id: &u8| vec![Tag::new(&format!("id:{id}"))],
            &["owner:"],
            |id: &u8, owner: &u8| vec![Tag::new(&format!("owner:{owner}:{id}"))],
        );
        let terms = Duration::from_secs(5);
        let of_id = OfId::new::<u8>(&terms, &tags, &7);
        let before = Terms::<u8>::before(&of_id);
        assert_eq!(before.tags, [Tag::new("id:7")]);
        assert_eq!(before.epochs, [Tag::epoch_of("owner:").expect("it has a kind")]);
        assert_eq!(of_id.tags_of(Some(&3_u8)), [Tag::new("owner:3:7")]);
        assert_eq!(Terms::<u8>::tags_of(&of_id, None), []);
        assert_eq!(Terms::<u8>::ttl(&of_id, None), terms);
    }
}
