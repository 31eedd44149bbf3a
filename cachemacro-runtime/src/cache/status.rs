//! What a cache is doing, and how it ends.

use std::fmt;
use std::time::Duration;

use crate::cache::Inner;
use crate::tier::Tier;

/// What a cache is doing, at one moment. It displays as a few lines of text, and never holds a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The kind of store: `memory` for the embedded one, `redis`.
    pub store: &'static str,
    /// The entries in this process, and the bytes that they count for; beside a shared store, those of
    /// functions with `tier = local`, if there are any.
    pub local: Option<(u64, u64)>,
    /// The loads under way.
    pub loads: usize,
    /// The invalidations that the store has not taken yet; they are tried again.
    pub undelivered: usize,
    /// Whether nothing is read from the store any more, as it missed more invalidations than are kept.
    pub suspended: bool,
    /// Whether the cache was closed.
    pub closed: bool,
}

impl Status {
    pub(super) fn of(inner: &Inner) -> Self {
        let (store, local, undelivered, suspended) = match &inner.tier {
            Tier::Local(l1) => ("memory", Some(l1.size()), 0, false),
            Tier::Shared(l2) => {
                let beside = inner.local.get().and_then(Tier::size);
                (l2.store().name(), beside, l2.journal().len(), l2.journal().has_overflowed())
            }
        };
        Self {
            store,
            local,
            loads: inner.flights.len(),
            undelivered,
            suspended,
            closed: inner.tasks.is_closed(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store: {}", self.store)?;
        if let Some((entries, bytes)) = self.local {
            write!(f, "\nentries: {entries}, about {} KiB", bytes.div_ceil(1024))?;
        }
        write!(f, "\nloads under way: {}", self.loads)?;
        if self.undelivered > 0 {
            write!(f, "\ninvalidations to be delivered: {}", self.undelivered)?;
        }
        if self.suspended {
            f.write_str(
                "\nsuspended: the store missed too many invalidations to be read from; restart the process",
            )?;
        }
        if self.closed {
            f.write_str("\nclosed")?;
        }
        Ok(())
    }
}

/// How a cache was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The invalidations that the store never took: other processes may read old values until their ttl.
    pub undelivered: usize,
    /// Whether all tasks ended by the deadline.
    pub in_time: bool,
}

pub(super) async fn close(inner: &Inner, deadline: Duration) -> Closed {
    let until = tokio::time::Instant::now() + deadline;
    let mut undelivered = 0;
    if let Tier::Shared(l2) = &inner.tier {
        // What it reports is counted below.
        let _ = tokio::time::timeout_at(until, l2.journal().flush()).await;
        undelivered = l2.journal().len();
    }
    let tasks_ended = inner.tasks.close(until.duration_since(tokio::time::Instant::now())).await;
    let store_ended = match &inner.tier {
        Tier::Local(_) => true,
        Tier::Shared(l2) => l2.store().close(until.duration_since(tokio::time::Instant::now())).await,
    };
    Closed { undelivered, in_time: tasks_ended && store_ended }
}
