//! The tables at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use cachemacro::registry;

use crate::checks::Checked;
use crate::replay::{CORRECT_DELAYS, Run};
use crate::shared::db::Load;

/// What the two replays took, and what the checks found.
pub struct Report<'a> {
    pub uncached: &'a Run,
    pub cached: &'a Run,
    /// The hits of the second replay.
    pub hits: BTreeMap<&'static str, u64>,
    pub checked: Checked,
}

/// Of each cached function, the calls so far that did not run the body.
pub fn hits() -> BTreeMap<&'static str, u64> {
    registry().iter().map(|site| (site.name(), site.stats().hits + site.stats().shared)).collect()
}

impl Report<'_> {
    pub fn print(&self) {
        self.print_functions();
        self.print_database();
        self.print_promises();
        let Checked { answers, mismatches, corrections, unseen } = self.checked;
        println!("\n{mismatches} of {answers} cached answers differ from the database's;");
        println!("{unseen} of {corrections} corrections were not in the next answers.");
    }

    /// Whether the cache was right.
    pub fn is_right(&self) -> bool {
        self.checked.mismatches == 0 && self.checked.unseen == 0
    }

    fn print_functions(&self) {
        let heads = ["calls", "hits", "bodies", "p50 without", "with", "p99 without", "with"];
        println!("\n{:<18}{}", "function", columns(heads));
        for (function, without) in &self.uncached.latencies {
            let with = &self.cached.latencies[function];
            let is_cached = *function != CORRECT_DELAYS;
            let body = if is_cached { function } else { "write_delays" };
            println!(
                "{function:<18}{}",
                columns([
                    number(with.len() as u64),
                    if is_cached { number(self.hits(function)) } else { "-".to_owned() },
                    number(self.cached.loads.get(body).copied().unwrap_or_default().queries),
                    time(percentile(without, 50)),
                    time(percentile(with, 50)),
                    time(percentile(without, 99)),
                    time(percentile(with, 99)),
                ])
            );
        }
    }

    fn print_database(&self) {
        let (without, with) = (total(self.uncached), total(self.cached));
        println!("\n{:<18}{}", "database", columns(["without", "with"]));
        println!("{:<18}{}", "statements", columns([number(without.queries), number(with.queries)]));
        println!("{:<18}{}", "busy", columns([time(without.busy), time(with.busy)]));
        println!("{:<18}{}", "whole replay", columns([time(self.uncached.took), time(self.cached.took)]));
    }

    fn print_promises(&self) {
        let (without, with) = (self.reads(self.uncached), self.reads(self.cached));
        let median = ratio(percentile(&without, 50), percentile(&with, 50));
        let mean = ratio(without.iter().sum(), with.iter().sum());
        let (asked, asks) = (total(self.uncached), total(self.cached));
        let busy_down = 100.0 - 100.0 * ratio(asks.busy, asked.busy);
        let statements_down = 100.0 - 100.0 * asks.queries as f64 / asked.queries as f64;
        let hits: u64 = self.uncached.latencies.keys().map(|function| self.hits(function)).sum();
        let hit_rate = 100.0 * hits as f64 / with.len() as f64;
        println!("\n{:<30}{:<58}", "promised", "measured");
        let line = |promise, measured: String, is_met| {
            println!("{promise:<30}{measured:<58}{}", if is_met { "met" } else { "NOT MET" });
        };
        line(
            "responses 10 times faster",
            format!("median {median:.1} times, mean {mean:.1} times"),
            median >= 10.0 && mean >= 10.0,
        );
        line(
            "database load down 90 %",
            format!("busy time down {busy_down:.1} %, statements down {statements_down:.1} %"),
            busy_down >= 90.0,
        );
        line("hit rate above 85 %", format!("{hit_rate:.1} %"), hit_rate > 85.0);
    }

    fn hits(&self, function: &str) -> u64 {
        self.hits.get(function).copied().unwrap_or_default()
    }

    /// How long the calls of cached functions took, the shortest first.
    fn reads(&self, run: &Run) -> Vec<Duration> {
        let reads = run.latencies.iter().filter(|(function, _)| **function != CORRECT_DELAYS);
        let mut reads: Vec<_> = reads.flat_map(|(_, times)| times).copied().collect();
        reads.sort_unstable();
        reads
    }
}

fn total(run: &Run) -> Load {
    let add =
        |sum: Load, load: &Load| Load { queries: sum.queries + load.queries, busy: sum.busy + load.busy };
    run.loads.values().fold(Load::default(), add)
}

/// The least time that so many percent of the calls did not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn columns<T: std::fmt::Display>(cells: impl IntoIterator<Item = T>) -> String {
    cells.into_iter().map(|cell| format!("{cell:>13}")).collect()
}

/// `12,345`
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits, and the unit that fits.
fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    match nanos {
        0.0..1e3 => format!("{nanos:.0} ns"),
        1e3..1e6 => format!("{:.1} µs", nanos / 1e3),
        1e6..1e9 => format!("{:.2} ms", nanos / 1e6),
        _ => format!("{:.2} s", nanos / 1e9),
    }
}
