//! Invalidation of all that is stored, and the removal of what that leaves behind.

use crate::cache::invalidate::{Scope, remove};
use crate::cache::{Cache, Cause, Subject};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Doomed, Progress, Swept};
use crate::key::ERA_KEY;
use crate::site::{self, ERA};
use crate::store::Pattern;
use crate::tier::Tier;

impl Cache {
    /// Invalidates all values of this cache. What a load that is under way stores is never served.
    ///
    /// It is one step, however many values there are: each is of the era that its load has begun in, and that ends
    /// here. What is not served any more takes room until its ttl, or until it is [reclaimed](Self::reclaim).
    ///
    /// In a store it is all values of the [namespace](super::CacheBuilder::namespace), in whatever process; what is
    /// kept near goes as soon as the store tells of it, as for any invalidation. Mutations under way keep their
    /// guards. Keys with `codec = Raw` are of no era, and are looked for as by a
    /// [pattern](Self::invalidate_pattern).
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the cache has a store and no namespace, and nothing is done: there may be
    /// values of others. If the store could not be told; this process then serves nothing from it, and goes on trying
    /// to tell it, but other processes may read old values until it succeeds.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it goes on in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// use cachemacro_runtime::cache::Cache;
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let cache = Cache::memory();
    /// cache.invalidate_all().await?;
    /// let reclaimed = cache.reclaim().await?;
    /// println!("{} values of {} keys removed", reclaimed.removed, reclaimed.keys);
    /// # Ok::<(), cachemacro_runtime::error::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn invalidate_all(&self) -> Result<()> {
        if matches!(self.tier(), Tier::Shared(l2) if !l2.has_eras()) {
            let detail = "others may store values there too; say which are yours by `.namespace(\"…\")`, or name a \
                          pattern";
            return Err(Error::new(ErrorKind::Config, "invalidate all", detail));
        }
        // On a drop too: the store's part goes on in the background.
        let here = Here(self);
        remove(self, Scope::All, &[Doomed { key: ERA_KEY, site: Some(&ERA) }], None).await?;
        drop(here);
        for prefix in self.raw_prefixes() {
            self.tier().sweep(&Pattern::prefix(&prefix), &mut |_| {}).await?;
        }
        self.inner.hooks.call(Subject::All, Cause::Call);
        Ok(())
    }

    /// Removes the values that [`invalidate_all`](Self::invalidate_all) has left behind, which nobody is served any
    /// more: `keys` are those that were looked at.
    ///
    /// A store looks at each key of the namespace for it, a thousand at a time, and goes on serving in between.
    ///
    /// # Errors
    ///
    /// If the store could not be asked to the end; it may be asked again.
    /// [`Rejected`](ErrorKind::Rejected) by a store that lists no keys.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it ends there.
    pub async fn reclaim(&self) -> Result<Swept> {
        self.reclaim_with(|_| {}).await
    }

    /// The same; `progress` is told how far it has come after each thousand keys or so.
    ///
    /// # Errors
    ///
    /// Those of [`reclaim`](Self::reclaim).
    ///
    /// # Cancel safety
    ///
    /// As for [`reclaim`](Self::reclaim).
    pub async fn reclaim_with(&self, mut progress: impl FnMut(Swept) + Send) -> Result<Swept> {
        let progress: Progress<'_> = &mut progress;
        let far = match self.tier() {
            Tier::Shared(l2) => l2.reclaim(progress).await?,
            Tier::Local(l1) => l1.reclaim(),
        };
        let near = match self.beside(Scope::All) {
            Some(Tier::Local(l1)) => l1.reclaim(),
            _ => Swept::default(),
        };
        let all = Swept { keys: far.keys + near.keys, removed: far.removed + near.removed, ..far };
        progress(all);
        Ok(all)
    }

    /// How the keys begin, in a store, of values without a header.
    fn raw_prefixes(&self) -> Vec<String> {
        match self.tier() {
            Tier::Local(_) => Vec::new(),
            Tier::Shared(_) => site::raw_prefixes(),
        }
    }
}

/// The values in this process, which are to be invalidated at the end.
struct Here<'a>(&'a Cache);

impl Drop for Here<'_> {
    fn drop(&mut self) {
        let beside = self.0.beside(Scope::All);
        for tier in [Some(self.0.tier()), beside].into_iter().flatten() {
            if let Tier::Local(l1) = tier {
                l1.invalidate_all();
            }
        }
    }
}
