//! Whether a value is kept, and how long: what an attribute says of each call.

use std::fmt;
use std::time::Duration;

use crate::tag::{Before, Tag};

/// What an attribute says of one call. `V` is what may be looked at: a cached `None` holds none.
pub trait Terms<V> {
    /// Whether the cache is used at all.
    fn applies(&self) -> bool;

    /// How long the value may live; zero is not at all.
    fn ttl(&self, found: Option<&V>) -> Duration;

    /// What is known of its tags before it is loaded, in the order of the attribute.
    fn before(&self) -> Before<'_> {
        Before::default()
    }

    /// The tags that the value itself names, in the order of the attribute.
    fn tags_of(&self, _found: Option<&V>) -> Vec<Tag> {
        Vec::new()
    }
}

/// Every value alike.
impl<V> Terms<V> for Duration {
    fn applies(&self) -> bool {
        true
    }

    fn ttl(&self, _found: Option<&V>) -> Duration {
        *self
    }
}

/// What an attribute says beside the tags of the call.
#[derive(Debug)]
pub struct Tagged<P> {
    terms: P,
    tags: Vec<Tag>,
}

impl<P> Tagged<P> {
    /// The terms of a call whose value stands under these tags.
    pub fn new(terms: P, tags: Vec<Tag>) -> Self {
        Self { terms, tags }
    }
}

impl<V, P: Terms<V>> Terms<V> for Tagged<P> {
    fn applies(&self) -> bool {
        self.terms.applies()
    }

    fn ttl(&self, found: Option<&V>) -> Duration {
        self.terms.ttl(found)
    }

    fn before(&self) -> Before<'_> {
        Before { tags: &self.tags, epochs: &[] }
    }
}

/// What an attribute says where the value names tags too.
pub struct TaggedByValue<P, F> {
    tagged: Tagged<P>,
    epochs: Vec<Tag>,
    of_value: F,
}

impl<P, F> TaggedByValue<P, F> {
    /// The terms of a call whose value stands under its tags, and under those that `of_value` names by it. Each of
    /// these begins with one of the texts.
    pub fn new(tagged: Tagged<P>, texts: &[&str], of_value: F) -> Self {
        let epochs = texts.iter().filter_map(|text| Tag::epoch_of(text)).collect();
        Self { tagged, epochs, of_value }
    }
}

impl<V, P: Terms<V>, F: Fn(&V) -> Vec<Tag>> Terms<V> for TaggedByValue<P, F> {
    fn applies(&self) -> bool {
        self.tagged.applies()
    }

    fn ttl(&self, found: Option<&V>) -> Duration {
        self.tagged.ttl(found)
    }

    fn before(&self) -> Before<'_> {
        Before { tags: &self.tagged.tags, epochs: &self.epochs }
    }

    fn tags_of(&self, found: Option<&V>) -> Vec<Tag> {
        found.map(&self.of_value).unwrap_or_default()
    }
}

impl<P: fmt::Debug, F> fmt::Debug for TaggedByValue<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaggedByValue").field("tagged", &self.tagged).finish_non_exhaustive()
    }
}

/// What is said of a batch is said of each of its ids.
impl<V, P: Terms<V>> Terms<V> for &P {
    fn applies(&self) -> bool {
        (**self).applies()
    }

    fn ttl(&self, found: Option<&V>) -> Duration {
        (**self).ttl(found)
    }

    fn before(&self) -> Before<'_> {
        (**self).before()
    }

    fn tags_of(&self, found: Option<&V>) -> Vec<Tag> {
        (**self).tags_of(found)
    }
}

/// All that an attribute can say.
pub struct Clauses<T, U> {
    /// Whether the cache is used: `when`.
    pub when: bool,
    /// How long this value lives: `ttl`.
    pub ttl: T,
    /// Whether this value is not kept: `unless`.
    pub unless: U,
    /// How long a `None` lives: `negative_ttl`, or zero.
    pub negative_ttl: Duration,
}

impl<V, T, U> Terms<V> for Clauses<T, U>
where
    T: Fn(&V) -> Duration,
    U: Fn(&V) -> bool,
{
    fn applies(&self) -> bool {
        self.when
    }

    fn ttl(&self, found: Option<&V>) -> Duration {
        match found {
            None => self.negative_ttl,
            Some(value) if (self.unless)(value) => Duration::ZERO,
            Some(value) => (self.ttl)(value),
        }
    }
}

impl<T, U> fmt::Debug for Clauses<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clauses")
            .field("when", &self.when)
            .field("negative_ttl", &self.negative_ttl)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_has_no_ttl() {
        let clauses = Clauses {
            when: true,
            ttl: |value: &u64| Duration::from_secs(*value),
            unless: |value: &u64| *value > 10,
            negative_ttl: Duration::from_millis(1),
        };
        assert_eq!(clauses.ttl(Some(&7)), Duration::from_secs(7));
        assert_eq!(clauses.ttl(Some(&11)), Duration::ZERO);
        assert_eq!(clauses.ttl(None), Duration::from_millis(1));
    }
}
