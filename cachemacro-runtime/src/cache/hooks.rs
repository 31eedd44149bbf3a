//! Who is told of an invalidation.

use std::fmt;
use std::sync::Arc;

use crate::key::Key;
use crate::site::Site;

/// An invalidation that the store has taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InvalidationEvent<'a> {
    /// The key.
    pub key: &'a Key,
    /// What caused it.
    pub cause: Cause,
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

    pub(crate) fn call(&self, key: &Key, cause: Cause) {
        let event = InvalidationEvent { key, cause };
        self.0.iter().for_each(|hook| hook(&event));
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooks({})", self.0.len())
    }
}
