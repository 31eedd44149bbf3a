//! Many schedules, on all cores.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::check::Violation;
use crate::run::run;
use crate::totals::Totals;
use crate::variant::Variant;

/// How many seeds a thread takes at once.
const CHUNK: u64 = 64;

/// What came of many schedules.
#[derive(Debug, Default)]
pub struct Report {
    /// What was covered.
    pub totals: Totals,
    /// What was violated, by seed; in their order.
    pub violations: Vec<(u64, Violation)>,
}

/// Runs the schedules of these seeds, on so many threads.
pub fn campaign(seeds: Range<u64>, threads: usize, variant: Variant) -> Report {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut report = Report::default();
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= seeds.end {
                return report;
            }
            for seed in from..(from + CHUNK).min(seeds.end) {
                let outcome = run(seed, variant);
                report.totals.add(&outcome.history);
                report.violations.extend(outcome.violations.into_iter().map(|violation| (seed, violation)));
            }
        }
    };
    let reports: Vec<Report> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no schedule panics")).collect()
    });
    let mut all = Report::default();
    for report in reports {
        all.totals.merge(&report.totals);
        all.violations.extend(report.violations);
    }
    all.violations.sort_by_key(|(seed, _)| *seed);
    all
}

/// The first of these seeds whose schedule violates something, and what.
pub fn first_violation(mut seeds: Range<u64>, variant: Variant) -> Option<(u64, Violation)> {
    seeds.find_map(|seed| Some((seed, run(seed, variant).violations.into_iter().next()?)))
}
