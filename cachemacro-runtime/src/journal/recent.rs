//! The invalidations that the store took a moment ago, to be delivered again should it have lost them.
//!
//! Within a minute a failover is noticed; what was lost earlier lives until its ttl. Past the bounds the
//! oldest is forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::JournalLimits;
use crate::store::Pattern;

/// How long they are kept.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// How many patterns are kept.
const PATTERNS_MAX: usize = 1000;

pub(super) struct Recent {
    limits: JournalLimits,
    keys: VecDeque<(Instant, Box<[u8]>)>,
    bytes: usize,
    patterns: VecDeque<(Instant, Pattern)>,
}

impl Recent {
    pub(super) fn new(limits: JournalLimits) -> Self {
        Self { limits, keys: VecDeque::new(), bytes: 0, patterns: VecDeque::new() }
    }

    pub(super) fn add(&mut self, keys: &[&[u8]], now: Instant) {
        self.forget_old(now);
        for key in keys {
            self.bytes += key.len();
            self.keys.push_back((now, (*key).into()));
        }
        while self.limits.are_exceeded(self.keys.len(), self.bytes) {
            self.forget_oldest();
        }
    }

    pub(super) fn add_pattern(&mut self, pattern: &Pattern, now: Instant) {
        self.forget_old(now);
        self.patterns.retain(|(_, kept)| kept != pattern);
        self.patterns.push_back((now, pattern.clone()));
        if self.patterns.len() > PATTERNS_MAX {
            self.patterns.pop_front();
        }
    }

    /// Each key and each pattern of the last minute, once.
    pub(super) fn all(&mut self, now: Instant) -> (Vec<Box<[u8]>>, Vec<Pattern>) {
        self.forget_old(now);
        let mut keys: Vec<_> = self.keys.iter().map(|(_, key)| key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        (keys, self.patterns.iter().map(|(_, pattern)| pattern.clone()).collect())
    }

    fn forget_old(&mut self, now: Instant) {
        while self.keys.front().is_some_and(|(at, _)| now.duration_since(*at) > KEPT_FOR) {
            self.forget_oldest();
        }
        while self.patterns.front().is_some_and(|(at, _)| now.duration_since(*at) > KEPT_FOR) {
            self.patterns.pop_front();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.keys.pop_front() {
            self.bytes -= key.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_kept_within_bounds() {
        let start = Instant::now();
        let mut recent = Recent::new(JournalLimits { keys_max: 3, bytes_max: 1 << 20 });
        recent.add(&[b"a", b"b"], start);
        recent.add(&[b"a"], start + Duration::from_secs(30));
        let pattern = Pattern::new("a*");
        recent.add_pattern(&pattern, start);
        assert_eq!(recent.all(start + KEPT_FOR), (vec![Box::from(*b"a"), Box::from(*b"b")], vec![pattern]));
        assert_eq!(recent.all(start + KEPT_FOR + Duration::from_secs(1)), (vec![Box::from(*b"a")], vec![]));
        for key in [b"c", b"d", b"e", b"f"] {
            recent.add(&[key], start + Duration::from_secs(31));
        }
        assert_eq!(recent.all(start).0.len(), 3, "the oldest is forgotten");
        assert_eq!(recent.bytes, 3);
    }
}
