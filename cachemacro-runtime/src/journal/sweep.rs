//! Invalidation of all keys that match: each of them is found in the store and invalidated.
//!
//! A lease is a key, so that a load under way is found as well; one that begins afterwards sees what was
//! committed before. A key that is there from the first page to the last is found. What cachemacro did not
//! write is left alone.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{BATCH_LEN, Journal};
use crate::error::{Error, ErrorKind, Result};
use crate::gate::Gate;
use crate::key::{ERA_KEY, Template};
use crate::mutants::{self, Mutant};
use crate::protocol::era::Era;
use crate::site::{self, EPOCHS, TAGS};
use crate::store::{Page, Pattern, Scan, Store};
use crate::tag::Tag;

/// How many keys a page looks at, about.
const PAGE_LEN: usize = 1000;

/// How often a scan begins again.
const RESTARTS_MAX: u32 = 8;

/// How far an invalidation by pattern has come, and what has come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Keys that match, each counted once for each time that the store has listed it.
    pub keys: u64,
    /// What was removed of them: values, and loads under way.
    pub removed: u64,
    /// Exchanges with the store that listed keys; 1 within this process.
    pub pages: u64,
}

/// Is told how far it has come, after each page.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(Swept) + Send);

impl Journal {
    /// Invalidates all keys that match; if the store does not take it all now, it is done later, and until then
    /// these keys are in quarantine.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it is done in the background.
    pub(crate) async fn sweep(self: &Arc<Self>, pattern: &Pattern, progress: Progress<'_>) -> Result<Swept> {
        self.lists_keys()?;
        let pledge = Pledge { journal: self, undelivered: Some(pattern) };
        let swept = self.sweep_pages(pattern, None, progress).await?;
        pledge.redeemed();
        Ok(swept)
    }

    /// The same in the background.
    pub(crate) fn sweep_later(self: &Arc<Self>, pattern: &Pattern) {
        if self.lists_keys().is_ok() {
            self.keep_pattern(pattern);
            self.start();
        }
    }

    /// Tries once to do all of it that waits.
    pub(super) async fn flush_patterns(&self) -> Result<()> {
        let waiting = self.undelivered().patterns();
        for (pattern, number) in waiting {
            self.sweep_pages(&pattern, None, &mut |_| {}).await?;
            self.with_undelivered(|undelivered| undelivered.forget_pattern(&pattern, number));
            self.recent().add_pattern(&pattern, Instant::now());
            (self.on_delivered)(Delivered::Pattern(&pattern));
        }
        Ok(())
    }

    /// After an overflow: only keys that a template could have made are touched.
    pub(super) async fn sweep_templates(&self, templates: &[Template]) -> Result<()> {
        self.lists_keys()?;
        // An epoch goes before each of its tags.
        let epochs = templates.contains(&TAGS.template()).then(|| EPOCHS.template());
        for template in epochs.iter().chain(templates) {
            let pattern = Pattern::prefix(&template.prefix());
            self.sweep_pages(&pattern, Some(*template), &mut |_| {}).await?;
        }
        Ok(())
    }

    async fn sweep_pages(
        &self,
        pattern: &Pattern,
        template: Option<Template>,
        progress: Progress<'_>,
    ) -> Result<Swept> {
        let store = self.gate.store();
        let mut pages = Pages::new(store, pattern);
        let mut swept = Swept::default();
        while let Some(keys) = pages.next(&self.gate).await? {
            let is_ours = |key: &&[u8]| template.is_none_or(|template| template.matches(key));
            let ours: Vec<&[u8]> = keys.iter().map(Vec::as_slice).filter(is_ours).collect();
            // Nothing in a raw value tells that it is ours, but its key does.
            let (raw, headed): (Vec<&[u8]>, Vec<&[u8]>) = ours.iter().partition(|key| site::is_raw_key(key));
            for batch in headed.chunks(BATCH_LEN) {
                swept.removed += self.gate.ask("sweep", store.sweep(batch)).await?;
            }
            for batch in raw.chunks(BATCH_LEN) {
                swept.removed += self.gate.ask("sweep", store.invalidate(batch)).await?;
            }
            swept.keys += ours.len() as u64;
            swept.pages += 1;
            progress(swept);
        }
        Ok(swept)
    }

    /// Removes the values that are of none but earlier eras.
    pub(crate) async fn reclaim(&self, current: Era, progress: Progress<'_>) -> Result<Swept> {
        self.lists_keys()?;
        let (store, pattern) = (self.gate.store(), Pattern::new("*"));
        let current = current.bits().to_be_bytes();
        let mut pages = Pages::new(store, &pattern);
        let mut swept = Swept::default();
        while let Some(keys) = pages.next(&self.gate).await? {
            // Neither a tag nor an era is of an era, nor is what other programs write.
            let is_of_an_era =
                |key: &&[u8]| *key != ERA_KEY && Tag::of_key(key).is_none() && !site::is_raw_key(key);
            let of_eras: Vec<&[u8]> = keys.iter().map(Vec::as_slice).filter(is_of_an_era).collect();
            for batch in of_eras.chunks(BATCH_LEN) {
                swept.removed += self.gate.ask("reclaim", store.reclaim(batch, current)).await?;
            }
            swept.keys += keys.len() as u64;
            swept.pages += 1;
            progress(swept);
        }
        Ok(swept)
    }

    fn lists_keys(&self) -> Result<()> {
        if self.gate.store().capabilities().scan {
            return Ok(());
        }
        let detail = "the store lists no keys, so that none can be found by a pattern; name the keys";
        Err(Error::new(ErrorKind::Rejected, "sweep", detail))
    }
}

/// The pages of one scan. A cursor means nothing to a server that was started anew, nor to one that took another's
/// place: where the store was connected to again, the scan begins again.
struct Pages<'a> {
    pattern: &'a Pattern,
    /// Where it goes on; `None` at the end.
    cursor: Option<u64>,
    sessions: Option<watch::Receiver<u64>>,
    restarts: u32,
}

impl<'a> Pages<'a> {
    fn new(store: &Arc<dyn Store>, pattern: &'a Pattern) -> Self {
        Self { pattern, cursor: Some(0), sessions: store.sessions(), restarts: 0 }
    }

    /// The keys of the next page; `None` past the last one.
    async fn next(&mut self, gate: &Gate) -> Result<Option<Vec<Vec<u8>>>> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        if cursor == 0 {
            self.is_new();
        }
        let scan = Scan { pattern: self.pattern, cursor, page_len: PAGE_LEN };
        let Page { keys, next } = gate.ask("scan", gate.store().scan(scan)).await?;
        self.cursor = next;
        // What a page has listed is there; what it has not may be elsewhere by now.
        if cursor != 0 && self.is_new() {
            self.restarts += 1;
            if self.restarts > RESTARTS_MAX {
                let detail = "the store was connected to again and again while its keys were listed";
                return Err(Error::new(ErrorKind::Unavailable, "scan", detail));
            }
            self.cursor = Some(0);
        }
        Ok(Some(keys))
    }

    /// Whether the store was connected to since this was asked last.
    fn is_new(&mut self) -> bool {
        let Some(sessions) = &mut self.sessions else { return false };
        let is_new = sessions.has_changed().unwrap_or(false);
        sessions.mark_unchanged();
        is_new
    }
}

/// What was delivered late.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivered<'a> {
    Key(&'a [u8]),
    Pattern(&'a Pattern),
}

/// Keeps a pattern whose sweep does not come to its end.
struct Pledge<'a> {
    journal: &'a Arc<Journal>,
    undelivered: Option<&'a Pattern>,
}

impl Pledge<'_> {
    fn redeemed(mut self) {
        if let Some(pattern) = self.undelivered.take() {
            self.journal.recent().add_pattern(pattern, Instant::now());
        }
    }
}

impl Drop for Pledge<'_> {
    fn drop(&mut self) {
        if let Some(pattern) = self.undelivered
            && !mutants::is(Mutant::UndeliveredForgotten)
        {
            self.journal.sweep_later(pattern);
        }
    }
}
