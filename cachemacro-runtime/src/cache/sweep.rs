//! Invalidation by pattern: far to near, then the hooks.

use crate::cache::invalidate::Scope;
use crate::cache::{Cache, Cause, Subject};
use crate::error::Result;
use crate::journal::{Progress, Swept};
use crate::store::Pattern;
use crate::tier::Tier;

impl Cache {
    /// Removes what is stored under all keys that match: `tasks:7:*`. Loads of them that are under way will not be
    /// stored.
    ///
    /// `*` is any text, `?` any byte, `[a-z]` one of a set, and `\` takes the next character as it is. A key that
    /// an annotated function makes has none of these in what its arguments write, other than the brackets of lists.
    ///
    /// A store looks at each of its keys for it, a thousand at a time, and goes on serving in between: the cost
    /// is that of all keys, not of those that match. Name keys where they are known. What cachemacro did not
    /// write is left alone.
    ///
    /// # Errors
    ///
    /// If the store could not be asked to the end. This process then no longer reads such keys from the store,
    /// and goes on trying; but other processes may read old values until it succeeds.
    /// [`Rejected`](crate::error::ErrorKind::Rejected) by a store that lists no keys, and nothing is done.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it goes on in the background.
    pub async fn invalidate_pattern(&self, pattern: impl Into<Pattern>) -> Result<Swept> {
        self.invalidate_pattern_with(pattern, |_| {}).await
    }

    /// The same; `progress` is told how far it has come after each thousand keys or so.
    ///
    /// # Errors
    ///
    /// Those of [`invalidate_pattern`](Self::invalidate_pattern).
    ///
    /// # Cancel safety
    ///
    /// As for [`invalidate_pattern`](Self::invalidate_pattern); in the background it tells nobody.
    pub async fn invalidate_pattern_with(
        &self,
        pattern: impl Into<Pattern>,
        mut progress: impl FnMut(Swept) + Send,
    ) -> Result<Swept> {
        let pattern = pattern.into();
        let swept = sweep(self, &pattern, &mut progress).await?;
        self.inner.hooks.call(Subject::Pattern(&pattern), Cause::Call);
        Ok(swept)
    }
}

/// Removes all keys that match, far to near.
pub(super) async fn sweep(cache: &Cache, pattern: &Pattern, progress: Progress<'_>) -> Result<Swept> {
    // On a drop too: the store's part goes on in the background.
    let mut near = Near { cache, pattern: Some(pattern) };
    let far = cache.tier().sweep(pattern, progress).await?;
    let near = near.sweep();
    Ok(Swept { keys: far.keys + near.keys, removed: far.removed + near.removed, ..far })
}

/// The same, from a place that cannot wait; says whether it is done already.
pub(super) fn sweep_later(cache: &Cache, pattern: &Pattern) -> bool {
    let _near = Near { cache, pattern: Some(pattern) };
    cache.tier().sweep_later(pattern)
}

/// Keys to be removed from the tier in this process, if there is one beside the cache's own.
struct Near<'a> {
    cache: &'a Cache,
    /// `None` once it is done.
    pattern: Option<&'a Pattern>,
}

impl Near<'_> {
    fn sweep(&mut self) -> Swept {
        match (self.pattern.take(), self.cache.beside(Scope::All)) {
            (Some(pattern), Some(Tier::Local(l1))) => l1.sweep(pattern),
            _ => Swept::default(),
        }
    }
}

impl Drop for Near<'_> {
    fn drop(&mut self) {
        self.sweep();
    }
}
