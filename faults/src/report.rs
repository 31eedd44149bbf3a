//! What a run has shown.

use std::collections::BTreeMap;
use std::fmt;

use crate::checker::{Findings, History};
use crate::record::{Call, Kind, Outcome};
use crate::settings::STALENESS;

/// So many violations are told of in full.
const SHOWN: usize = 20;

/// A run's figures, as a small table.
pub(crate) struct Report {
    pub(crate) history: History,
    pub(crate) findings: Findings,
    /// What is wrong beside the violations.
    pub(crate) failures: Vec<String>,
    /// How many keys the server has evicted.
    pub(crate) evicted: u64,
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { history, findings, failures, evicted, seconds, seed } = self;
        let calls: Vec<&Call> = history.told.calls.iter().map(|(_, call)| call).collect();
        let count = |is: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count();
        let mut line = |name: &str, value: String| writeln!(f, "{name:<44}{value}");

        line("seed", seed.to_string())?;
        line("seconds", format!("{seconds:.0}"))?;
        line("calls per second", format!("{:.0}", calls.len() as f64 / seconds))?;
        let reads = |call: &Call| call.kind.is_read();
        line("reads", count(&reads).to_string())?;
        let is_hit =
            |call: &Call| reads(call) && matches!(call.outcome, Outcome::Saw(_)) && call.body.is_none();
        line("  hits, or another's load", count(&is_hit).to_string())?;
        line("  answered by what is kept near", findings.near.to_string())?;
        line("    concurrent with a fault", findings.near_amid_faults.to_string())?;
        line("    concurrent with one of the link alone", findings.near_amid_link_faults.to_string())?;
        line("    behind what others had to see", findings.near_behind.to_string())?;
        let behind =
            format!("{:.1} ms, of {} ms", findings.near_behind_most as f64 / 1e3, STALENESS.as_millis());
        line("    by at most", behind)?;
        line("  strict", count(&|call| call.kind == Kind::Strict).to_string())?;
        line("  bodies", count(&|call| reads(call) && call.body.is_some()).to_string())?;
        line("  dropped", count(&|call| reads(call) && call.outcome == Outcome::Dropped).to_string())?;
        line("  concurrent with a fault", findings.reads_amid_faults.to_string())?;
        line("  concurrent with a change", findings.reads_amid_changes.to_string())?;
        line("changes", count(&|call| !reads(call)).to_string())?;
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_read()) {
            line(&format!("  {kind}"), count(&|call| call.kind == kind).to_string())?;
        }
        let late = |call: &Call| call.outcome == Outcome::Ended { delivered: false };
        line("  not delivered at their end", count(&late).to_string())?;
        line(
            "  refused, as they require a guard",
            count(&|call| call.outcome == Outcome::Refused).to_string(),
        )?;
        line("commits", history.commits.len().to_string())?;
        line("  promised to all", findings.promised.to_string())?;
        line("  of these by a guard alone", findings.promised_by_guard.to_string())?;
        line("  promised to nobody, or to one process", findings.unpromised.to_string())?;
        line("undelivered at most", history.told.undelivered_most.to_string())?;
        line("faults", history.windows.len().to_string())?;
        let mut faults = BTreeMap::<_, usize>::new();
        for window in &history.windows {
            *faults.entry(window.fault).or_default() += 1;
        }
        for (fault, count) in faults {
            line(&format!("  {fault}"), count.to_string())?;
        }
        line("keys evicted", evicted.to_string())?;
        line("longest call", longest(findings.longest))?;
        line("  of a process that ran all the time", longest(findings.longest_running))?;
        line("violations", findings.violations.len().to_string())?;
        for violation in findings.violations.iter().take(SHOWN) {
            writeln!(f, "  violation: {violation}")?;
        }
        failures.iter().try_for_each(|failure| writeln!(f, "failure: {failure}"))
    }
}

fn longest(call: Option<(u32, Call)>) -> String {
    call.map_or("none".to_owned(), |(_, call)| {
        format!("{:.0} ms ({})", (call.end - call.start) as f64 / 1e3, call.kind)
    })
}
