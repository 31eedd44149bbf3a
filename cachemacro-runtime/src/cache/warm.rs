//! Calls made ahead of those who will need them.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::site::Site;
use crate::task::join_all;

/// What has come of warming so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warmed {
    /// Calls that have stored a value.
    pub loaded: u64,
    /// Calls that found one, or that another call in this process has loaded it for.
    pub skipped: u64,
    /// Calls that ran the body and stored nothing: it failed, or its value is none that is cached, or an
    /// invalidation or an outage came between.
    pub failed: u64,
}

impl Warmed {
    /// All calls that have ended.
    pub fn calls(&self) -> u64 {
        self.loaded + self.skipped + self.failed
    }
}

impl fmt::Display for Warmed {
    /// `40 loaded, 2 skipped, 1 failed`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loaded, skipped, failed } = self;
        write!(f, "{loaded} loaded, {skipped} skipped, {failed} failed")
    }
}

/// Calls to be made, so many at once; it begins when it is awaited, and answers with a [`Warmed`].
///
/// The calls run within the task that awaits it.
///
/// # Cancel safety
///
/// Dropped before its end, it makes no more calls; those under way end as the function's calls do.
#[must_use = "no call is made before it is awaited"]
pub struct Warming<'a, I, C> {
    site: &'static Site,
    items: I,
    at_once: usize,
    call: C,
    progress: Option<Box<dyn FnMut(Warmed) + Send + 'a>>,
}

impl<'a, I, C> Warming<'a, I, C> {
    pub(crate) fn new(site: &'static Site, items: I, at_once: usize, call: C) -> Self {
        Self { site, items, at_once: at_once.max(1), call, progress: None }
    }

    /// Tells how far it has come, after each call.
    pub fn progress(self, progress: impl FnMut(Warmed) + Send + 'a) -> Self {
        Self { progress: Some(Box::new(progress)), ..self }
    }
}

impl<'a, I, C, F> IntoFuture for Warming<'a, I, C>
where
    I: Iterator + Send + 'a,
    I::Item: Send,
    C: Fn(I::Item) -> F + Send + Sync + 'a,
    F: Future + Send + 'a,
    F::Output: Send,
{
    type Output = Warmed;
    type IntoFuture = Pin<Box<dyn Future<Output = Warmed> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

async fn run<I, C, F>(warming: Warming<'_, I, C>) -> Warmed
where
    I: Iterator,
    C: Fn(I::Item) -> F,
    F: Future,
{
    let Warming { site, items, at_once, call, progress } = warming;
    // std's mutexes: held for a step, never across an await.
    let items = Mutex::new(items.fuse());
    let told = Mutex::new((Warmed::default(), progress));
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let callers = (0..at_once).map(|_| async {
        while let Some(item) = next() {
            let seen = Seen { site, came: Cell::new(Came::Nothing) };
            let came = SEEN.scope(seen, async {
                call(item).await;
                SEEN.with(|seen| seen.came.get())
            });
            let came = came.await;
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let (warmed, progress) = &mut *told;
            match came {
                Came::Nothing => warmed.skipped += 1,
                Came::Stored => warmed.loaded += 1,
                Came::Ran => warmed.failed += 1,
            }
            if let Some(progress) = progress {
                progress(*warmed);
            }
        }
    });
    join_all(callers).await;
    told.into_inner().unwrap_or_else(PoisonError::into_inner).0
}

tokio::task_local! {
    static SEEN: Seen;
}

/// What the calls of one function have come to within this one.
struct Seen {
    site: &'static Site,
    came: Cell<Came>,
}

#[derive(Clone, Copy)]
enum Came {
    /// The body was not needed.
    Nothing,
    Ran,
    Stored,
}

/// Notes that a call has run its body.
pub(super) fn ran(site: &'static Site) {
    note(site, Came::Ran);
}

/// Notes that a call has stored a value.
pub(super) fn stored(site: &'static Site) {
    note(site, Came::Stored);
}

fn note(site: &'static Site, came: Came) {
    // Nobody warms, nearly always.
    let _ = SEEN.try_with(|seen| {
        if std::ptr::eq(seen.site, site) {
            seen.came.set(came);
        }
    });
}

impl<I, C> fmt::Debug for Warming<'_, I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warming")
            .field("site", self.site)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
