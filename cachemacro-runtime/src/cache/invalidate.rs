//! Invalidation: far to near, then the hooks; and, for a mutation, on every path out of its body.

use std::pin::Pin;

use crate::cache::{Cache, Cause, Resolved, Target};
use crate::error::Result;
use crate::key::Key;
use crate::outcome::Outcome;
use crate::site::Site;
use crate::tier::Tier;

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
    scope: Scope,
}

/// Which tiers may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Whoever's it is: all tiers.
    All,
    /// A function's that never leaves this process: no store need be asked.
    Local,
}

impl Scope {
    fn of(site: Option<&Site>) -> Self {
        if site.is_some_and(Site::is_local) { Self::Local } else { Self::All }
    }
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
            let (cache, scope) = (last.cache.clone(), last.scope);
            let here = |bound: &&Bound| bound.cache.is(&cache) && bound.scope == scope;
            let keys: Vec<&[u8]> =
                self.targets.iter().filter(here).map(|bound| bound.key.as_bytes()).collect();
            match remove(&cache, scope, &keys).await {
                Ok(()) => self.targets.iter().filter(here).for_each(Bound::report),
                Err(error) => crate::trace::warn_undelivered(&error, keys.len()),
            }
            self.targets.retain(|bound| !here(&bound));
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if !self.due {
            return;
        }
        for bound in std::mem::take(&mut self.targets) {
            if remove_later(&bound.cache, bound.scope, bound.key.as_bytes()) {
                bound.report();
            }
        }
    }
}

impl Bound {
    fn new(target: Target) -> Self {
        let (cause, scope) = (Cause::Mutation(target.site), Scope::of(target.site));
        Self { cache: Cache::clone(&Resolved::new(target.cache)), key: target.key, cause, scope }
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
    let (cache, scope) = (Resolved::new(target.cache), Scope::of(target.site));
    remove(&cache, scope, &[target.key.as_bytes()]).await?;
    cache.inner.hooks.call(&target.key, Cause::Call);
    Ok(())
}

/// Invalidates what is in this process, which takes no waiting.
pub(crate) fn invalidate_now(target: &Target) {
    let cache = Resolved::new(target.cache.clone());
    cache.local().invalidate_later(target.key.as_bytes());
    cache.inner.hooks.call(&target.key, Cause::Call);
}

pub(super) async fn invalidate_key(cache: &Cache, key: &Key) -> Result<()> {
    remove(cache, Scope::All, &[key.as_bytes()]).await?;
    cache.inner.hooks.call(key, Cause::Call);
    Ok(())
}

/// Removes keys, far to near: a local function in between could load what is about to go.
async fn remove(cache: &Cache, scope: Scope, keys: &[&[u8]]) -> Result<()> {
    // On a drop too: the store's part goes on in the background.
    let _near = Near { cache, scope, keys };
    match scope {
        Scope::All => cache.tier().invalidate(keys).await,
        Scope::Local => Ok(()),
    }
}

/// Keys to be removed from this process, at the end.
struct Near<'a> {
    cache: &'a Cache,
    scope: Scope,
    keys: &'a [&'a [u8]],
}

impl Drop for Near<'_> {
    fn drop(&mut self) {
        if let Some(local) = self.cache.beside(self.scope) {
            self.keys.iter().for_each(|key| {
                local.invalidate_later(key);
            });
        }
    }
}

/// Removes a key, from a place that cannot wait; says whether it is done already.
fn remove_later(cache: &Cache, scope: Scope, key: &[u8]) -> bool {
    let is_done = match scope {
        Scope::All => cache.tier().invalidate_later(key),
        Scope::Local => true,
    };
    if let Some(local) = cache.beside(scope) {
        local.invalidate_later(key);
    }
    is_done
}

impl Cache {
    /// The tier in this process, where removing from the cache's own is not enough.
    fn beside(&self, scope: Scope) -> Option<&Tier> {
        match scope {
            Scope::Local => Some(self.local()),
            Scope::All => self.inner.local.get(),
        }
    }
}
