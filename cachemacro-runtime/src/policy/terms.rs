//! Whether a value is kept, and how long: what an attribute says of each call.

use std::fmt;
use std::time::Duration;

use crate::tag::Tag;

/// What an attribute says of one call. `V` is what may be looked at: a cached `None` holds none.
pub trait Terms<V> {
    /// Whether the cache is used at all.
    fn applies(&self) -> bool;

    /// How long the value may live; zero is not at all.
    fn ttl(&self, found: Option<&V>) -> Duration;

    /// The tags of the call, in the order of the attribute.
    fn tags(&self) -> &[Tag] {
        &[]
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

    fn tags(&self) -> &[Tag] {
        &self.tags
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

    fn tags(&self) -> &[Tag] {
        (**self).tags()
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
