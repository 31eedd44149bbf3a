//! What was covered: a zero of violations says nothing without it.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::History;
use crate::plan::{What, Wrong};

/// Counts over many schedules.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The schedules.
    pub schedules: u64,
    /// The calls of the cached function.
    pub reads: u64,
    /// Those at some time of which a mutation of their key was under way.
    pub reads_beside_mutations: u64,
    /// Those at some time of which something was wrong.
    pub reads_beside_faults: u64,
    /// The runs of its body.
    pub bodies: u64,
    /// Versions of the source.
    pub commits: u64,
    /// Mutations, by the way into the engine.
    mutations: BTreeMap<What, u64>,
    /// Faults, by kind.
    faults: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(crate) fn add(&mut self, history: &History) {
        self.schedules += 1;
        self.bodies += history.bodies.len() as u64;
        self.commits += history.commits.len() as u64;
        for read in &history.reads {
            self.reads += 1;
            let (begin, end) = (read.begin, read.end.map(|(end, _)| end));
            let beside_mutation = history.mutations.iter().any(|mutation| {
                let key_is_theirs = mutation.keys.contains(&Some(read.key));
                key_is_theirs
                    && end.is_none_or(|end| mutation.begin < end)
                    && mutation.end.is_none_or(|ended| begin < ended)
            });
            let beside_fault = history
                .faults
                .iter()
                .any(|fault| end.is_none_or(|end| fault.from <= end.ms) && begin.ms <= fault.until);
            self.reads_beside_mutations += u64::from(beside_mutation);
            self.reads_beside_faults += u64::from(beside_fault);
        }
        for mutation in &history.mutations {
            *self.mutations.entry(mutation.what).or_default() += 1;
        }
        for fault in &history.faults {
            *self.faults.entry(name(fault.what)).or_default() += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.reads += other.reads;
        self.reads_beside_mutations += other.reads_beside_mutations;
        self.reads_beside_faults += other.reads_beside_faults;
        self.bodies += other.bodies;
        self.commits += other.commits;
        for (what, count) in &other.mutations {
            *self.mutations.entry(*what).or_default() += count;
        }
        for (what, count) in &other.faults {
            *self.faults.entry(what).or_default() += count;
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "schedules          {}", self.schedules)?;
        writeln!(f, "reads              {}", self.reads)?;
        writeln!(f, "  beside mutations {}", self.reads_beside_mutations)?;
        writeln!(f, "  beside faults    {}", self.reads_beside_faults)?;
        writeln!(f, "bodies             {}", self.bodies)?;
        writeln!(f, "commits            {}", self.commits)?;
        let mutations: Vec<_> =
            self.mutations.iter().map(|(what, count)| format!("{what:?} {count}")).collect();
        writeln!(f, "mutations          {}", mutations.join(", "))?;
        let faults: Vec<_> = self.faults.iter().map(|(what, count)| format!("{what} {count}")).collect();
        write!(f, "faults             {}", faults.join(", "))
    }
}

fn name(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Cut(_) => "cut",
        Wrong::Restart => "restart",
        Wrong::Failover => "failover",
        Wrong::Evict(_) => "eviction",
        Wrong::Pause(_) => "pause",
        Wrong::Crash(_) => "crash",
        Wrong::Slow(_) => "slow",
        Wrong::SlowAnswers(_) => "slow answers",
        Wrong::Deaf(_) => "deaf",
        Wrong::Unlinked(_) => "unlinked",
        Wrong::Flush => "flush",
        Wrong::Lossy(_) => "lossy",
    }
}
