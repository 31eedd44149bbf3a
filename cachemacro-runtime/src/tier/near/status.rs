//! How the near tier is doing.

use std::fmt;
use std::time::Duration;

use quick_cache::sync::Cache;

use super::Near;
use super::link::{Telling, lock};

/// How the near tier is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coherence {
    /// How long all changes have been told without a break; `None` if they are not, and all is asked of the
    /// store.
    pub coherent_for: Option<Duration>,
    /// How long ago the store last confirmed that it had told of all changes. Past the bound on staleness, all
    /// is asked of the store.
    pub confirmed_ago: Option<Duration>,
    /// How many times what is kept was dropped, as changes were not told for a moment, or all had changed.
    pub epoch: u64,
    /// The entries, those that are not served any more included.
    pub entries: u64,
    /// The bytes that they count for.
    pub bytes: u64,
    /// Why changes are not told, if they are not.
    pub why_not: Option<String>,
    /// Whether all changes are told, whoever makes them. Otherwise the server refuses that, and is told itself by those
    /// who invalidate, by this library: what other programs write and what is flushed lives on here until its ttl.
    pub tells_all: bool,
}

impl Near {
    pub(crate) fn status(&self) -> Coherence {
        let Telling { link, since, why_closed, tells_all, .. } = &*lock(&self.link);
        let now = self.clock.now();
        let confirmed = link.confirmed.filter(|_| link.serves(link.epoch, now.earlier(self.staleness)));
        let why_not = match (confirmed, why_closed) {
            (Some(_), _) => None,
            (None, Some(error)) => Some(error.to_string()),
            (None, None) => {
                Some("the store has not confirmed in time that it told of all changes".to_owned())
            }
        };
        Coherence {
            coherent_for: confirmed.and(*since).map(|since| now.since(since)),
            confirmed_ago: link.confirmed.map(|confirmed| now.since(confirmed)),
            epoch: link.epoch,
            entries: self.entries.all().map(|entries| entries.len() as u64).sum(),
            bytes: self.entries.all().map(Cache::weight).sum(),
            why_not,
            tells_all: *tells_all,
        }
    }
}

impl fmt::Display for Coherence {
    /// `4 entries, about 1 KiB; coherent for 12.3 s, confirmed 0.2 s ago, epoch 1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, about {} KiB; ", self.entries, self.bytes.div_ceil(1024))?;
        match (&self.coherent_for, &self.why_not) {
            (Some(coherent_for), _) => write!(f, "coherent for {:.1} s", coherent_for.as_secs_f64())?,
            (None, Some(why)) => write!(f, "nothing is served from it: {why}")?,
            (None, None) => f.write_str("nothing is served from it")?,
        }
        if let Some(ago) = &self.confirmed_ago {
            write!(f, ", confirmed {:.1} s ago", ago.as_secs_f64())?;
        }
        write!(f, ", epoch {}", self.epoch)?;
        if self.tells_all { Ok(()) } else { f.write_str(", told of invalidations alone") }
    }
}
