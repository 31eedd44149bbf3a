//! Invalidation by tag: what is under a tag is never looked for, as one new version of it is enough.

use crate::cache::invalidate::{Scope, remove};
use crate::cache::{Cache, Cause, Resolved, Subject};
use crate::error::Result;
use crate::journal::Doomed;
use crate::site::TAGS;
use crate::tag::Tag;

impl Cache {
    /// Invalidates all values under a tag: `team:7`. What a load that is under way stores is never served.
    ///
    /// It is one step for the store, however many values there are: each is stored with the version of its tag, and
    /// is not served once that is another. What is not served any more stays until its ttl, or until it is loaded
    /// again.
    ///
    /// # Errors
    ///
    /// If the store could not be told. This process then serves nothing under the tag, and goes on trying to tell
    /// it; but other processes may read old values until it succeeds.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it goes on in the background.
    pub async fn invalidate_tag(&self, tag: impl Into<Tag>) -> Result<()> {
        let tag = tag.into();
        remove(self, Scope::All, &[Doomed { key: tag.as_bytes(), site: Some(&TAGS) }], None).await?;
        self.inner.hooks.call(Subject::Tag(&tag), Cause::Call);
        Ok(())
    }
}

/// Invalidates a tag of a cache that may be named, or else of the current one.
pub(crate) async fn invalidate_tag(cache: Option<Cache>, tag: Tag) -> Result<()> {
    Resolved::new(cache).invalidate_tag(tag).await
}
