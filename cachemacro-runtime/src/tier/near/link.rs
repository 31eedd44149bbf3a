//! What is known of the link on which the store tells of its changes.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Near;
use crate::clock::Moment;
use crate::error::{Error, ErrorKind};
use crate::mutants::{self, Mutant};
use crate::protocol::coherence::Link;

/// A sign of life of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tier) struct Beat {
    /// All that changed before this moment was told.
    pub(in crate::tier) sent_at: Moment,
    /// The store's own time, read after `sent_at`.
    pub(in crate::tier) store_time: Duration,
}

/// All that is known of the link, for those who change it and those who look at it seldom.
pub(super) struct Telling {
    pub(super) link: Link<Moment>,
    pub(super) since: Option<Moment>,
    pub(super) beat: Option<Beat>,
    pub(super) why_closed: Option<Error>,
    pub(super) tells_all: bool,
    has_warned: bool,
}

impl Telling {
    /// There is none yet.
    pub(super) const NONE: Self = Self {
        link: Link::CLOSED,
        since: None,
        beat: None,
        why_closed: None,
        tells_all: true,
        has_warned: false,
    };
}

impl Near {
    /// What readers know of the link.
    #[inline]
    pub(super) fn known(&self) -> Link<Moment> {
        let confirmed = self.confirmed.load(Ordering::Acquire).checked_sub(1).map(Moment::from_nanos);
        Link { epoch: self.epoch.load(Ordering::Acquire), confirmed }
    }

    /// Changes the link, and lets readers know.
    pub(super) fn change_link(&self, change: impl FnOnce(&mut Telling)) {
        let mut telling = lock(&self.link);
        let before = telling.link.epoch;
        change(&mut telling);
        let Link { epoch, confirmed } = telling.link;
        if confirmed.is_none() {
            self.confirmed.store(0, Ordering::Release);
        }
        self.epoch.store(epoch, Ordering::Release);
        if epoch != before {
            // What slots hold says nothing of its epoch: it is over before anything is confirmed in the next.
            self.hot.ask_again();
        }
        if let Some(confirmed) = confirmed {
            self.confirmed.store(confirmed.nanos() + 1, Ordering::Release);
        }
        drop(telling);
        if epoch != before {
            // Nobody is served it any more; it only takes room.
            self.entries.all().for_each(Cache::clear);
            self.hot.clear();
            self.stripes.iter().for_each(|stripe| stripe.changed.notify_waiters());
        }
    }

    /// All changes are told from now on.
    pub(in crate::tier) fn opened(&self, tells_all: bool) {
        let now = self.clock.now();
        self.change_link(|telling| {
            if !mutants::is(Mutant::EpochKept) {
                telling.link = telling.link.open();
            }
            (telling.since, telling.beat, telling.why_closed) = (Some(now), None, None);
            telling.tells_all = tells_all;
            if !tells_all && !telling.has_warned {
                telling.has_warned = true;
                let detail = "the store refuses to tell of all changes, so that it tells of invalidations alone: what \
                              other programs write is served from this process until its ttl";
                crate::trace::warn_once(&Error::new(ErrorKind::Rejected, "near tier", detail));
            }
        });
    }

    /// All changes up to a moment were told.
    pub(in crate::tier) fn confirmed(&self, beat: Beat) {
        self.change_link(|telling| {
            telling.link = telling.link.confirm(beat.sent_at);
            telling.beat = Some(beat);
        });
    }

    /// Changes are not told any more, or could not be from the start.
    pub(in crate::tier) fn closed(&self, why: Error) {
        self.change_link(|telling| {
            telling.link = match mutants::is(Mutant::EpochKept) {
                true => Link { confirmed: None, ..telling.link },
                false => telling.link.close(),
            };
            (telling.since, telling.beat) = (None, None);
            if is_refusal(&why) && !telling.has_warned {
                telling.has_warned = true;
                let detail = format!(
                    "the store does not tell of its changes, so that nothing is kept in front of it: {why}"
                );
                crate::trace::warn_once(&Error::new(ErrorKind::Rejected, "near tier", detail));
            }
            telling.why_closed = Some(why);
        });
    }
}

/// Whether the store will not tell of changes as it is set up.
pub(in crate::tier) fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Config)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
