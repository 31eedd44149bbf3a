//! Whether anything was under way between two moments.

use crate::clock::Micros;

/// Spans of time, which may overlap each other.
pub(super) struct Spans {
    /// By their beginnings; beside each the latest end of all up to it.
    sorted: Vec<(Micros, Micros)>,
}

impl Spans {
    pub(super) fn new(mut spans: Vec<(Micros, Micros)>) -> Self {
        spans.sort_unstable();
        let mut latest = 0;
        for (_, to) in &mut spans {
            latest = latest.max(*to);
            *to = latest;
        }
        Self { sorted: spans }
    }

    pub(super) fn overlap(&self, from: Micros, to: Micros) -> bool {
        let begun = self.sorted.partition_point(|span| span.0 <= to);
        begun > 0 && self.sorted[begun - 1].1 >= from
    }
}
