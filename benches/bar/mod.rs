//! What was promised, beside what was measured: one row of a table, in the form that `benches/run` gathers.

use std::ops::{Bound, RangeBounds};

/// What a figure has to be, and what it is.
pub(crate) struct Bar {
    promised: String,
    measured: String,
    is_met: bool,
}

impl Bar {
    /// A figure that is at most a limit (`..=2.0`), or at least one (`1.7..`).
    pub(crate) fn new(figure: &str, limits: impl RangeBounds<f64>, measured: f64, unit: &str) -> Self {
        let limit = match (limits.start_bound(), limits.end_bound()) {
            (_, Bound::Included(most)) => format!("at most {most}"),
            (Bound::Included(least), _) => format!("at least {least}"),
            _ => panic!("no limit is promised of {figure}"),
        };
        Self {
            promised: format!("{figure}: {limit}{unit}"),
            measured: format!("{measured:.2}{unit}"),
            is_met: limits.contains(&measured),
        }
    }
}

/// Prints a table of them.
pub(crate) fn print(bars: &[Bar]) {
    println!("| promised | measured | |\n|---|---|---|");
    for Bar { promised, measured, is_met } in bars {
        println!("| {promised} | {measured} | {} |", if *is_met { "pass" } else { "fail" });
    }
}
