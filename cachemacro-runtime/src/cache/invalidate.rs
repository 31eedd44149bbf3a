//! Invalidation by call: far to near, then the hooks.

use crate::cache::{Cache, Cause, Resolved, Subject, Target};
use crate::error::Result;
use crate::journal::{Doomed, GuardEnd};
use crate::key::Key;
use crate::site::Site;
use crate::tier::Tier;

/// Which tiers may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Whoever's it is: all tiers.
    All,
    /// A function's that never leaves this process: no store need be asked.
    Local,
}

impl Scope {
    pub(super) fn of(site: Option<&Site>) -> Self {
        if site.is_some_and(Site::is_local) { Self::Local } else { Self::All }
    }
}

/// Invalidates by a companion.
pub(crate) async fn invalidate(target: Target) -> Result<()> {
    let Target { site, cache, key } = target;
    let cache = Resolved::new(cache);
    remove(&cache, Scope::of(site), &[Doomed { key: key.as_bytes(), site }], None).await?;
    cache.inner.hooks.call(Subject::Key(&key), Cause::Call);
    Ok(())
}

/// Invalidates what is in this process, which takes no waiting.
pub(crate) fn invalidate_now(target: &Target) {
    let cache = Resolved::new(target.cache.clone());
    let doomed = Doomed { key: target.key.as_bytes(), site: target.site };
    cache.local().invalidate_later(&[doomed], None);
    cache.inner.hooks.call(Subject::Key(&target.key), Cause::Call);
}

pub(super) async fn invalidate_key(cache: &Cache, key: &Key) -> Result<()> {
    remove(cache, Scope::All, &[Doomed { key: key.as_bytes(), site: None }], None).await?;
    cache.inner.hooks.call(Subject::Key(key), Cause::Call);
    Ok(())
}

/// Removes keys, and ends the guard on them if there is one; far to near, as a local function in between
/// could load what is about to go.
pub(super) async fn remove(
    cache: &Cache,
    scope: Scope,
    doomed: &[Doomed<'_>],
    guard: Option<GuardEnd>,
) -> Result<()> {
    // On a drop too: the store's part goes on in the background.
    let _near = Near { cache, scope, doomed, guard };
    match scope {
        Scope::All => cache.tier().invalidate(doomed, guard).await,
        Scope::Local => Ok(()),
    }
}

/// Keys to be removed from this process, at the end.
pub(super) struct Near<'a> {
    pub(super) cache: &'a Cache,
    pub(super) scope: Scope,
    pub(super) doomed: &'a [Doomed<'a>],
    /// The guard on them, which is in this process if they are nowhere else.
    pub(super) guard: Option<GuardEnd>,
}

impl Drop for Near<'_> {
    fn drop(&mut self) {
        if let Some(local) = self.cache.beside(self.scope) {
            local.invalidate_later(self.doomed, self.guard.filter(|_| self.scope == Scope::Local));
        }
    }
}

/// Removes keys, from a place that cannot wait; says whether it is done already.
pub(super) fn remove_later(
    cache: &Cache,
    scope: Scope,
    doomed: &[Doomed<'_>],
    guard: Option<GuardEnd>,
) -> bool {
    let _near = Near { cache, scope, doomed, guard };
    match scope {
        Scope::All => cache.tier().invalidate_later(doomed, guard),
        Scope::Local => true,
    }
}

impl Cache {
    /// The tier in this process, where removing from the cache's own is not enough.
    pub(super) fn beside(&self, scope: Scope) -> Option<&Tier> {
        match scope {
            Scope::Local => Some(self.local()),
            Scope::All => self.inner.local.get(),
        }
    }
}
