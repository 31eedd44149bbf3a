//! Who is told of an invalidation.

use std::fmt;
use std::sync::Arc;

use crate::key::Key;
use crate::site::Site;
use crate::store::Pattern;
use crate::tag::Tag;

/// An invalidation that the store has taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InvalidationEvent<'a> {
    /// What was invalidated.
    pub subject: Subject<'a>,
    /// What caused it.
    pub cause: Cause,
}

/// What was invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject<'a> {
    /// A key.
    Key(&'a Key),
    /// All keys that match.
    Pattern(&'a Pattern),
    /// All values under a tag.
    Tag(&'a Tag),
    /// All values of the cache.
    All,
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Tag(tag) => tag.fmt(f),
            Self::All => f.write_str("*"),
        }
    }
}

/// What caused an invalidation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// A call: [`Cache::invalidate`](super::Cache::invalidate), or a companion's `invalidate`.
    Call,
    /// A function with `#[invalidates(…)]`; the site is that of the cached function it names, if it names one.
    Mutation(Option<&'static Site>),
    /// Either, some time ago: the store took it late, or the future that asked for it was dropped.
    Delayed,
}

pub(crate) type Hook = dyn Fn(&InvalidationEvent<'_>) + Send + Sync;

/// The hooks of a cache, in the order they were added.
#[derive(Clone, Default)]
pub(crate) struct Hooks(Vec<Arc<Hook>>);

impl Hooks {
    pub(crate) fn push(&mut self, hook: Arc<Hook>) {
        self.0.push(hook);
    }

    pub(crate) fn call(&self, subject: Subject<'_>, cause: Cause) {
        let event = InvalidationEvent { subject, cause };
        self.0.iter().for_each(|hook| hook(&event));
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.0.len())
    }
}
