//! What a cache is doing, and how it ends.

use std::fmt;
use std::time::Duration;

use crate::cache::Inner;
use crate::tier::{Coherence, Tier};

/// What a cache is doing, at one moment. It displays as a few lines of text, and never holds a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The kind of store: `memory` for the embedded one, `redis`; `off` if there is [none](crate::cache::Cache::off).
    pub store: &'static str,
    /// The entries in this process, and the bytes that they count for; beside a shared store, those of
    /// functions with `tier = local`, if there are any.
    pub local: Option<(u64, u64)>,
    /// What is kept in front of a shared store, if anything may be.
    pub near: Option<Coherence>,
    /// Why nothing may be kept in front of a shared store, if so.
    pub near_off: Option<&'static str>,
    /// The loads under way.
    pub loads: usize,
    /// The invalidations that the store has not taken yet; they are tried again.
    pub undelivered: usize,
    /// Whether nothing is read from the store now, as it missed more invalidations than are kept; it is
    /// swept for them as soon as it can be.
    pub suspended: bool,
    /// Whether the store did not answer several times in a row, and is left alone for a moment.
    pub broken: bool,
    /// What is to be known of the types that this process has stored: in which parts of them a change is not
    /// noticed, and which are stored as JSON since the codec cannot carry them.
    pub notes: Vec<String>,
    /// Whether the cache was closed.
    pub closed: bool,
}

impl Status {
    pub(super) fn of(inner: &Inner) -> Self {
        let (store, local, (undelivered, suspended), broken) = match &inner.tier {
            Tier::Local(_) if inner.is_off => ("off", None, (0, false), false),
            Tier::Local(l1) => ("memory", Some(l1.size()), (0, false), false),
            Tier::Shared(l2) => {
                let beside = inner.local.get().and_then(Tier::size);
                (l2.store().name(), beside, l2.journal().waiting(), l2.gate().is_open())
            }
        };
        Self {
            store,
            local,
            near: inner.tier.coherence(),
            near_off: inner.near_off,
            loads: inner.flights.len(),
            undelivered,
            suspended,
            broken,
            notes: crate::codec::notes().into_iter().chain(inner.tunings.notes()).collect(),
            closed: inner.tasks.is_closed() && !inner.is_off,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store: {}", self.store)?;
        if let Some((entries, bytes)) = self.local {
            write!(f, "\nentries: {entries}, about {} KiB", bytes.div_ceil(1024))?;
        }
        if let Some(near) = &self.near {
            write!(f, "\nnear: {near}")?;
        }
        if let Some(why) = self.near_off {
            write!(f, "\nnear: nothing is kept, as {why}")?;
        }
        write!(f, "\nloads under way: {}", self.loads)?;
        if self.undelivered > 0 {
            write!(f, "\ninvalidations to be delivered: {}", self.undelivered)?;
        }
        if self.suspended {
            f.write_str(
                "\nsuspended: the store missed too many invalidations to be read from, and is to be swept for them",
            )?;
        }
        if self.broken {
            f.write_str("\nbroken: the store does not answer, and is tried again in a moment")?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
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
    /// Whether there were more than are kept, and the store could not be swept for them: then this is so of
    /// every key of some functions.
    pub suspended: bool,
    /// Whether all tasks ended by the deadline.
    pub in_time: bool,
}

pub(super) async fn close(inner: &Inner, deadline: Duration) -> Closed {
    let until = tokio::time::Instant::now() + deadline;
    let (mut undelivered, mut suspended) = (0, false);
    if let Tier::Shared(l2) = &inner.tier {
        // What it reports is counted below.
        let _ = tokio::time::timeout_at(until, l2.journal().flush()).await;
        (undelivered, suspended) = l2.journal().waiting();
    }
    let tasks_ended = inner.tasks.close(until.duration_since(tokio::time::Instant::now())).await;
    let store_ended = match &inner.tier {
        Tier::Local(_) => true,
        Tier::Shared(l2) => l2.store().close(until.duration_since(tokio::time::Instant::now())).await,
    };
    Closed { undelivered, suspended, in_time: tasks_ended && store_ended }
}
