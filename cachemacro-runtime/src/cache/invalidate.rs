//! Invalidation: far to near, then the hooks; and, for a mutation, on every path out of its body.

use std::pin::Pin;

use crate::cache::{Cache, Cause, Resolved, Target};
use crate::error::Result;
use crate::key::Key;
use crate::outcome::Outcome;

/// When a mutation invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever the outcome: an error, a panic or a dropped future may have committed too.
    Any,
    /// Only if it returned, and not an error.
    Ok,
}

/// What a mutation is to invalidate, from before its body to the end, on every path.
///
/// Dropped before its end, it is carried out in the background: a panic or a dropped future may have
/// committed.
#[derive(Debug)]
pub struct Invalidation {
    targets: Vec<Bound>,
    on: On,
    /// Whether it is to be carried out as things are: on a drop now, say.
    due: bool,
}

/// A target, and the cache it is in.
#[derive(Clone, Debug)]
struct Bound {
    cache: Cache,
    key: Key,
    cause: Cause,
}

impl Invalidation {
    /// What is known before the body.
    pub fn armed(targets: Vec<Target>, on: On) -> Self {
        Self { targets: targets.into_iter().map(Bound::new).collect(), on, due: on == On::Any }
    }

    /// Adds what is known after it.
    fn extend(&mut self, targets: Vec<Target>) {
        self.targets.extend(targets.into_iter().map(Bound::new));
    }

    /// Carries it out. What the store does not take is kept by the cache, and tried again.
    async fn carry_out(mut self) {
        self.due = true;
        while let Some(last) = self.targets.last() {
            // One call for each cache; nearly always there is one.
            let cache = last.cache.clone();
            let here = |bound: &&Bound| bound.cache.is(&cache);
            let keys: Vec<&[u8]> =
                self.targets.iter().filter(here).map(|bound| bound.key.as_bytes()).collect();
            match cache.tier().invalidate(&keys).await {
                Ok(()) => self.targets.iter().filter(here).for_each(Bound::report),
                Err(error) => crate::trace::warn_undelivered(&error, keys.len()),
            }
            self.targets.retain(|bound| !bound.cache.is(&cache));
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if !self.due {
            return;
        }
        for bound in std::mem::take(&mut self.targets) {
            if bound.cache.tier().invalidate_later(bound.key.as_bytes()) {
                bound.report();
            }
        }
    }
}

impl Bound {
    fn new(target: Target) -> Self {
        let cause = Cause::Mutation(target.site);
        Self { cache: Cache::clone(&Resolved::new(target.cache)), key: target.key, cause }
    }

    fn report(&self) {
        self.cache.inner.hooks.call(&self.key, self.cause);
    }
}

impl Cache {
    fn is(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.inner, &other.inner)
    }
}

pub(crate) async fn invalidating<O, F, L>(
    mut invalidation: Invalidation,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Target>,
{
    let output = body.await;
    let value = O::value(&output);
    if let Some(value) = value {
        invalidation.due = true;
        invalidation.extend(late(value));
    }
    if value.is_some() || invalidation.on == On::Any {
        invalidation.carry_out().await;
    }
    output
}

pub(crate) async fn invalidate(target: Target) -> Result<()> {
    let cache = Resolved::new(target.cache);
    invalidate_keys(&cache, &[target.key], Cause::Call).await
}

pub(super) async fn invalidate_keys(cache: &Cache, keys: &[Key], cause: Cause) -> Result<()> {
    let bytes: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
    cache.tier().invalidate(&bytes).await?;
    keys.iter().for_each(|key| cache.inner.hooks.call(key, cause));
    Ok(())
}
