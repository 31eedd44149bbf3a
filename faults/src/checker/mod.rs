//! Goes over a history and says what no cache that keeps its promises could have done.
//!
//! The promises are those of the design, P1, P2, P3, P5 and P6; [`promise`] and [`bounds`] say what of them is
//! checked, from which moment on, and under which premises. Nothing here knows how the engine works: the
//! history is what callers saw, what the source committed, and when which fault was under way.

mod bounds;
mod promise;
mod spans;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::clock::Micros;
use crate::fault::Window;
use crate::record::{Call, Kind, Outcome};
use crate::source::Commit;
use promise::Promises;
use spans::Spans;

/// What the children told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Each with the number of its process.
    pub(crate) calls: Vec<(u32, Call)>,
    pub(crate) all_clears: Vec<AllClear>,
    /// Processes that were killed.
    pub(crate) deaths: Vec<Death>,
    /// Processes that ended by themselves.
    pub(crate) crashes: Vec<u32>,
    /// Processes that keep values near.
    pub(crate) near: HashSet<u32>,
    pub(crate) undelivered_most: u32,
    /// How many invalidations each process had still to deliver when it last told.
    pub(crate) undelivered_last: HashMap<u32, u32>,
}

/// At some moment between the two, a process had no invalidation left to deliver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllClear {
    pub(crate) process: u32,
    pub(crate) before: Micros,
    pub(crate) after: Micros,
}

/// A process was gone by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) process: u32,
    pub(crate) at: Micros,
}

/// All that is known of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) told: Told,
    pub(crate) commits: Vec<Commit>,
    pub(crate) windows: Vec<Window>,
}

/// What the checker has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) reads_amid_faults: usize,
    pub(crate) reads_amid_changes: usize,
    /// Reads that were answered by what is kept near; of them those amid a fault, and those amid one of the link alone.
    pub(crate) near: usize,
    pub(crate) near_amid_faults: usize,
    pub(crate) near_amid_link_faults: usize,
    /// Those that were behind what all others had to see already.
    pub(crate) near_behind: usize,
    /// How far behind they were at most.
    pub(crate) near_behind_most: Micros,
    /// Commits that were promised to be seen by all.
    pub(crate) promised: usize,
    /// Those whose process died first, so that their guard had to do it.
    pub(crate) promised_by_guard: usize,
    /// Those that nothing is promised of.
    pub(crate) unpromised: usize,
    /// The longest call, and the longest one whose process was not stopped meanwhile.
    pub(crate) longest: Option<(u32, Call)>,
    pub(crate) longest_running: Option<(u32, Call)>,
}

/// A call that broke a promise.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) what: What,
    pub(crate) process: u32,
    pub(crate) call: Call,
    /// The faults shortly before it and during it.
    pub(crate) faults: Vec<Window>,
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// P1, or P2 for what may be kept near: it returned less than this commit, which was promised from this moment on.
    Stale { promised: Micros, commit: Commit },
    /// P3: the same, where the process that committed died, and a guard was left of it.
    StaleAfterCrash { promised: Micros, commit: Commit },
    /// Once all was over, a commit was not seen that had to be.
    StaleForGood(Commit),
    /// It returned a version that was not committed yet.
    Unheard,
    /// It returned bytes that were never written together.
    Torn,
    /// P6: the cache's failure became the call's.
    Failed,
    /// P6: it took longer than this.
    Slow(Micros),
    /// P5: its body ran beside that of this other call.
    Beside(u32),
}

/// How far back faults are told of.
const BEFORE: Micros = 3_000_000;

/// Checks a history.
pub(crate) fn check(history: &History) -> Findings {
    let promises = Promises::of(history);
    let mut findings = Findings {
        promised: promises.to_all(),
        promised_by_guard: promises.by_guard(),
        unpromised: history.commits.len() - promises.to_all(),
        ..Findings::default()
    };
    let mut found = Vec::new();
    for (process, call) in &history.told.calls {
        found.extend(promises.broken_by(*process, call).map(|what| (what, *process, *call)));
        findings.note_near(call, &promises);
        found.extend(bounds::failed(call).map(|what| (what, *process, *call)));
    }
    bounds::slow(history, &mut found, &mut findings);
    bounds::beside(history, &mut found);
    findings.violations = found.into_iter().map(|found| violation(history, found)).collect();
    concurrent(history, &mut findings);
    findings
}

impl Findings {
    fn note_near(&mut self, call: &Call, promises: &Promises) {
        if !call.at_once {
            return;
        }
        self.near += 1;
        if let Some(behind) = promises.behind(call) {
            self.near_behind += 1;
            self.near_behind_most = self.near_behind_most.max(behind);
        }
    }
}

fn violation(history: &History, (what, process, call): (What, u32, Call)) -> Violation {
    let near = |window: &&Window| window.overlaps(call.start.saturating_sub(BEFORE), call.end);
    let faults = history.windows.iter().filter(near).copied().collect();
    Violation { what, process, call, faults }
}

/// Counts the reads that were under way during a fault that could reach them, and during a change of their key.
fn concurrent(history: &History, findings: &mut Findings) {
    let mut faults: HashMap<Option<u32>, Vec<(Micros, Micros)>> = HashMap::new();
    let mut links: HashMap<u32, Vec<(Micros, Micros)>> = HashMap::new();
    for window in &history.windows {
        faults.entry(window.process).or_default().push((window.from, window.to));
        if let (true, Some(process)) = (window.fault.is_of_link(), window.process) {
            links.entry(process).or_default().push((window.from, window.to));
        }
    }
    let mut changes: HashMap<u8, Vec<(Micros, Micros)>> = HashMap::new();
    for (_, call) in history.told.calls.iter().filter(|(_, call)| !call.kind.is_read()) {
        changes.entry(call.key).or_default().push((call.start, call.end));
    }
    let faults: HashMap<_, _> = faults.into_iter().map(|(of, spans)| (of, Spans::new(spans))).collect();
    let links: HashMap<_, _> = links.into_iter().map(|(of, spans)| (of, Spans::new(spans))).collect();
    let changes: HashMap<_, _> = changes.into_iter().map(|(of, spans)| (of, Spans::new(spans))).collect();
    for (process, call) in history.told.calls.iter().filter(|(_, call)| call.kind.is_read()) {
        let amid = |spans: Option<&Spans>| spans.is_some_and(|spans| spans.overlap(call.start, call.end));
        if amid(faults.get(&None)) || amid(faults.get(&Some(*process))) {
            findings.reads_amid_faults += 1;
            findings.near_amid_faults += usize::from(call.at_once);
        }
        if call.at_once && amid(links.get(process)) {
            findings.near_amid_link_faults += 1;
        }
        if amid(changes.get(&call.key)) {
            findings.reads_amid_changes += 1;
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { id, kind, key, start, end, outcome, .. } = self.call;
        let ms = |from: Micros, to: Micros| (to as f64 - from as f64) / 1e3;
        write!(f, "{kind} {id} of key {key} in process {}", self.process)?;
        if let Outcome::Saw(version) = outcome {
            write!(f, " saw version {version}")?;
        }
        write!(f, " after {:.1} ms: ", ms(start, end))?;
        let commit_line =
            |f: &mut fmt::Formatter<'_>, Commit { process, call, kind, version, at, .. }: Commit| {
                let ago = ms(at, start);
                write!(
                    f,
                    "version {version} was committed {ago:.1} ms before it began, by {kind} {call} in process {process}"
                )
            };
        match self.what {
            What::Stale { promised, commit } => {
                commit_line(f, commit)?;
                write!(f, ", and promised {:.1} ms before", ms(promised, start))
            }
            What::StaleAfterCrash { promised, commit } => {
                commit_line(f, commit)?;
                write!(f, ", whose guard was over {:.1} ms before", ms(promised, start))
            }
            What::StaleForGood(commit) => {
                commit_line(f, commit)?;
                f.write_str(", and everything is over")
            }
            What::Unheard => f.write_str("nobody had committed that yet"),
            What::Torn => f.write_str("its bytes do not belong together"),
            What::Failed => f.write_str("it failed as the cache did"),
            What::Slow(most) => write!(f, "at most {:.1} ms were promised", most as f64 / 1e3),
            What::Beside(other) => write!(f, "its body ran beside that of call {other}"),
        }?;
        for Window { fault, process, from, to } in &self.faults {
            let of = process.map(|process| format!(" of process {process}")).unwrap_or_default();
            write!(f, "\n      {fault}{of}, from {:.1} to {:.1} ms", ms(start, *from), ms(start, *to))?;
        }
        Ok(())
    }
}

/// Whether a kind of call may be refused by the cache.
fn may_be_refused(kind: Kind) -> bool {
    kind.needs_guard()
}
