//! Whether a history keeps the promises, judged by what callers saw alone.
//!
//! | | what is checked | except |
//! |---|---|---|
//! | P1 | a read returns no version, no error and no `None` older than what its process had to know of when it began | |
//! | P2 | where values are kept near: the same, for what changed elsewhere at least the bound on staleness before | |
//! | P4 | the same of what a failover had lost, once the store has taken it again, as it has when all is quiet | that its process has crashed |
//! | P3 | once its guard has run out, a read returns nothing older than what a crashed mutation had committed; where values are kept near, the bound on staleness later | a fault of its process or of the server between its begin and its commit |
//! | P5 | no two bodies run at once for one key: in one process, and in all of them | waits past `wait_max`; in all of them, also mutations and faults just before, and calls whose store took half of their hard timeout |
//! | P5 | no two refreshes in the background run at once for one key, in all processes | mutations and faults just before |
//! | P7 | a value that was loaded or put longer ago than its ttl and the longest window is not returned; with an `idle`, none that nobody was returned for so long | messages that are late beyond a delay: slow connections, pauses of a process |
//! | P6 | a read takes no longer than the bodies it waits for and what the cache may cost, and never longer than a hard timeout; it fails only as its body did, or at that timeout; every call ends | |
//! | P6 | what runs in the background comes to its end, whatever became of its caller, and does not begin when its cache is closed | a crash of its process |
//!
//! What a process has to know of: the mutations that ended in it, however they did; and those whose
//! invalidation the store has taken, wherever they were.

mod background;
mod latency;
mod lifetime;
mod sharing;

use std::fmt;

use crate::history::{At, Commit, Got, History, Mutation, Read, is_absent};
use crate::plan::{Plan, SLOW_MAX, Wrong};

/// A promise that was not kept.
#[derive(Debug)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was seen.
    pub what: String,
}

/// What correctness.md promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Nothing older than what was acknowledged.
    P1,
    /// Nothing that was acknowledged longer ago than the bound.
    P2,
    /// A crash leaves nothing stale.
    P3,
    /// What a store has lost is repaired.
    P4,
    /// One body at a time.
    P5,
    /// The cache costs a bounded delay, and no error.
    P6,
    /// Nothing past its time.
    P7,
}

impl Violation {
    pub(crate) fn stuck(what: String) -> Self {
        Self { promise: Promise::P6, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.what)
    }
}

/// All that is wrong with a history.
pub(crate) fn check(plan: &Plan, history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for read in &history.reads {
        violations.extend(stale(plan, history, read));
        violations.extend(lifetime::past_its_time(plan, history, read));
        violations.extend(lifetime::past_its_idle(plan, history, read));
        violations.extend(latency::wrong_failure(plan, read));
        violations.extend(latency::too_late(plan, history, read));
    }
    violations.extend(sharing::in_one_process(plan, history));
    violations.extend(sharing::in_all_processes(plan, history));
    violations.extend(sharing::in_the_background(plan, history));
    violations.extend(background::dropped(history));
    violations.extend(background::after_the_close(history));
    violations
}

/// P1 and P3: whether a read returned something older than it had to.
fn stale(plan: &Plan, history: &History, read: &Read) -> Option<Violation> {
    let (end, got) = read.end?;
    let commits = || history.commits.iter().filter(|commit| commit.key == read.key);
    let latest = commits().filter(|commit| commit.at < end).map(|commit| commit.version).max().unwrap_or(1);
    let returned = |needed: u64| match got {
        Got::Value(version) | Got::Error(version) => version >= needed,
        Got::None => (needed..=latest).any(is_absent),
        Got::Late | Got::Panic | Got::Left => true,
    };
    for commit in commits() {
        let promise = if is_known(plan, commit, read) {
            if commit.lost.is_some_and(|lost| lost < end) {
                if !is_repaired(plan, commit, read) {
                    continue;
                }
                Promise::P4
            } else if plan.near.is_some() && commit.process != read.process {
                Promise::P2
            } else {
                Promise::P1
            }
        } else if is_over(plan, history, commit, read) && is_covered(history, commit) {
            Promise::P3
        } else {
            continue;
        };
        if !returned(commit.version) {
            let (Read { operation, process, key, begin, .. }, Commit { version, .. }) = (read, commit);
            let what = format!(
                "read {operation} of key {key} in process {process} from {} ms on got {got:?}, older than \
                 version {version} of operation {}",
                begin.ms, commit.operation
            );
            return Some(Violation { promise, what });
        }
    }
    None
}

/// Whether the process of a read had to know of a commit when the read began.
fn is_known(plan: &Plan, commit: &Commit, read: &Read) -> bool {
    let before = |seen: Option<At>| seen.is_some_and(|seen| seen < read.begin);
    let behind = plan.near.unwrap_or_default();
    let long_before = |seen: Option<At>| seen.is_some_and(|seen| seen.ms + behind <= read.begin.ms);
    before(commit.seen_everywhere) && long_before(commit.seen_everywhere)
        || (commit.process == read.process && before(commit.seen_here))
}

/// Whether the store has taken again what it had lost of a commit, when a read begins.
fn is_repaired(plan: &Plan, commit: &Commit, read: &Read) -> bool {
    let behind = plan.near.unwrap_or_default();
    commit.taken_again.is_some_and(|again| again < read.begin && again.ms + behind <= read.begin.ms)
}

/// Whether the guard of a mutation that crashed has run out when a read begins, with all that was under way.
fn is_over(plan: &Plan, history: &History, commit: &Commit, read: &Read) -> bool {
    let crash = history.faults.iter().find(|fault| fault.what == Wrong::Crash(commit.process));
    let is_slow =
        plan.faults.iter().any(|fault| matches!(fault.what, Wrong::Slow(_) | Wrong::SlowAnswers(_)));
    let late = if is_slow { SLOW_MAX } else { plan.delay_max };
    let behind = plan.near.unwrap_or_default();
    let lasts = plan.guard.as_millis() as u64 + 2 * late + 10 + behind;
    crash.is_some_and(|crash| commit.at.ms <= crash.from && crash.from + lasts < read.begin.ms)
}

/// Whether P3 holds for a mutation that crashed: its guard was there when it committed.
fn is_covered(history: &History, commit: &Commit) -> bool {
    let Some(mutation) = history.mutations.iter().find(|mutation| mutation.operation == commit.operation)
    else {
        return false;
    };
    let Mutation { what, begin, process, .. } = mutation;
    let is_disturbed = history.faults.iter().any(|fault| {
        let concerns = match fault.what {
            Wrong::Restart | Wrong::Flush => true,
            // It brings back what was there before the guard.
            Wrong::Failover => return fault.until >= begin.ms,
            Wrong::Cut(other)
            | Wrong::Pause(other)
            | Wrong::Slow(other)
            | Wrong::SlowAnswers(other)
            | Wrong::Lossy(other) => other == *process,
            // Guards are not evicted; and the crash itself is what P3 is about.
            Wrong::Evict(_) | Wrong::Crash(_) | Wrong::Deaf(_) | Wrong::Unlinked(_) => false,
        };
        concerns && fault.from <= commit.at.ms && begin.ms <= fault.until
    });
    what.is_guarded() && !is_disturbed
}
