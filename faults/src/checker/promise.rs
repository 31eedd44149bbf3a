//! From when on a commit must be seen: P1, P2 and P3.
//!
//! # P1
//!
//! A read that begins after an invalidation was acknowledged returns nothing older than the commit it was
//! for. When it was acknowledged depends on who reads:
//!
//! - In the process that has changed the key: when the call that did so has returned, or was dropped. An
//!   invalidation that is not delivered then keeps the process from reading the key elsewhere.
//! - In all other processes: when the store has taken it as well. The hook runs within the call if the store
//!   took it within the call; then it is the call's end. Otherwise it is the first moment after the call's end
//!   at which the process said that nothing was left to deliver. (The hook tells of late deliveries too, but
//!   not which call they were for: a delivery that was under way when the call ended does not settle it.)
//! - A call whose process died before is promised nothing by P1.
//!
//! A call that was dropped while its commit was on its way may have been invalidated before the commit: it
//! is promised only if the source had committed by its end. One that invalidates by hand, after its commit,
//! and was dropped may not have come to that: it is promised nothing. The other premises: bodies read what is
//! committed (the source is one register); nobody else writes these keys; Redis loses no acknowledged write
//! and gets none back. A flush, an eviction and a restart with an empty memory lose values and leases, which
//! is no loss to P1, so that it is checked during all faults.
//!
//! # P2
//!
//! A process that keeps values near may be behind what others have invalidated, by [`STALENESS`] and no more: what is
//! promised to all is promised to its bounded reads that much later. There is no slack: the bound is counted from when
//! the invalidation was acknowledged to when the read began, both by the one clock of the machine, and the engine has
//! its own clock's coarseness within the bound. What the process has invalidated itself it must see at once, and a
//! strict read, a refresh and a peek see everything at once.
//!
//! # P3
//!
//! A commit whose process died before the store was told must be seen once its guard is over: from
//! [`GUARD`] and [`GUARD_SLACK`] after the death on. Later, if something then held back what the process had sent
//! before (a renewal of the guard, say): from that long after it went through. Its premises:
//!
//! - The mutation requires its guard, so that it stood when the body began. (Others run without one when the
//!   store cannot be asked.)
//! - It was committed within a guard's time from the beginning of the call, whatever became of its renewals.
//! - No flush, eviction or restart was under way between the two: those lose the guard. After the commit
//!   they do no harm, as whatever is loaded then is new.

use std::collections::{HashMap, HashSet};

use super::{Death, History, What};
use crate::clock::{Micros, micros};
use crate::fault::{Fault, Window};
use crate::record::{Call, Kind, Outcome};
use crate::settings::{GUARD, STALENESS};
use crate::source::Commit;

/// What no fault holds back is with the server by then.
const ON_ITS_WAY: Micros = 200_000;

/// How much later a guard is taken to be over. The server's clock ends it, whoever is running; what is left
/// is how late a renewal may be that no fault holds back.
pub(super) const GUARD_SLACK: Micros = 500_000;

/// A commit, and from when on it must be seen.
#[derive(Clone, Copy, Debug)]
struct Promise {
    from: Micros,
    commit: Commit,
    by_guard: bool,
}

/// What is promised, for each key.
#[derive(Debug, Default)]
pub(super) struct Promises {
    to_all: HashMap<u8, Line>,
    to_process: HashMap<(u32, u8), Line>,
    /// Processes that keep values near.
    near: HashSet<u32>,
    /// When each version of a key was committed, in order.
    committed: HashMap<u8, Vec<Micros>>,
}

/// Promises by their times, each as high as the highest up to it.
#[derive(Debug, Default)]
struct Line {
    count: usize,
    by_guard: usize,
    highest: Vec<Promise>,
}

impl Promises {
    pub(super) fn of(history: &History) -> Self {
        let calls = &history.told.calls;
        let changes = calls.iter().filter(|(_, call)| !call.kind.is_read());
        let ended: HashMap<_, _> =
            changes.map(|(process, call)| ((*process, call.id, call.key), *call)).collect();
        let clears = Clears::of(history);
        let mut promises = Self { near: history.told.near.clone(), ..Self::default() };
        for commit in &history.commits {
            promises.committed.entry(commit.key).or_default().push(commit.at);
            let call = ended.get(&(commit.process, commit.call, commit.key));
            let acknowledged = call.filter(|call| is_acknowledged(commit, call));
            if let Some(call) = acknowledged {
                let here = promises.to_process.entry((commit.process, commit.key)).or_default();
                here.add(Promise { from: call.end, commit: *commit, by_guard: false });
            }
            let told = acknowledged.and_then(|call| clears.delivered(commit.process, call));
            let guarded =
                guard_over(history, commit, call).filter(|over| told.is_none_or(|told| *over < told));
            if let Some(from) = guarded.or(told) {
                let promise = Promise { from, commit: *commit, by_guard: guarded.is_some() };
                promises.to_all.entry(commit.key).or_default().add(promise);
            }
        }
        promises.to_all.values_mut().for_each(Line::sort);
        promises.to_process.values_mut().for_each(Line::sort);
        promises
    }

    pub(super) fn to_all(&self) -> usize {
        self.to_all.values().map(|line| line.count).sum()
    }

    pub(super) fn by_guard(&self) -> usize {
        self.to_all.values().map(|line| line.by_guard).sum()
    }

    /// What a call returned that it must not.
    pub(super) fn broken_by(&self, process: u32, call: &Call) -> Option<What> {
        let Outcome::Saw(version) = call.outcome else { return None };
        let known = self.committed.get(&call.key).map_or(0, |at| at.partition_point(|at| *at <= call.end));
        if usize::try_from(version).is_ok_and(|version| version > known) {
            return Some(What::Unheard);
        }
        let (all, here) = (self.to_all.get(&call.key), self.to_process.get(&(process, call.key)));
        // What is kept near may be that much behind the others, and nothing behind its own process.
        let is_near = call.kind.is_bounded() && self.near.contains(&process);
        let told = call.start.saturating_sub(if is_near { micros(STALENESS) } else { 0 });
        let by_all = all.and_then(|line| line.before(told));
        let by_this = here.and_then(|line| line.before(call.start));
        if let Some(promise) = by_all.into_iter().chain(by_this).max_by_key(|promise| promise.commit.version)
            && promise.commit.version > version
        {
            let Promise { from: promised, commit, by_guard } = promise;
            return Some(match by_guard {
                true => What::StaleAfterCrash { promised, commit },
                false => What::Stale { promised, commit },
            });
        }
        // In the end, nothing is left to come.
        let last = all.and_then(|line| line.highest.last()).filter(|_| call.kind == Kind::Final);
        last.filter(|last| last.commit.version > version).map(|last| What::StaleForGood(last.commit))
    }
}

impl Promises {
    /// How long before a read began something newer was promised to all than it has seen.
    pub(super) fn behind(&self, call: &Call) -> Option<Micros> {
        let Outcome::Saw(version) = call.outcome else { return None };
        let newer = self.to_all.get(&call.key)?.first_above(version)?;
        call.start.checked_sub(newer.from).filter(|behind| *behind > 0)
    }
}

impl Line {
    fn add(&mut self, promise: Promise) {
        self.count += 1;
        self.by_guard += usize::from(promise.by_guard);
        self.highest.push(promise);
    }

    fn sort(&mut self) {
        self.highest.sort_unstable_by_key(|promise| promise.from);
        for at in 1..self.highest.len() {
            let before = self.highest[at - 1];
            if before.commit.version > self.highest[at].commit.version {
                self.highest[at] = Promise { from: self.highest[at].from, ..before };
            }
        }
    }

    /// The first that was promised of all above a version.
    fn first_above(&self, version: u32) -> Option<Promise> {
        self.highest.get(self.highest.partition_point(|promise| promise.commit.version <= version)).copied()
    }

    /// The highest that was promised before then.
    fn before(&self, moment: Micros) -> Option<Promise> {
        let count = self.highest.partition_point(|promise| promise.from < moment);
        count.checked_sub(1).map(|at| self.highest[at])
    }
}

/// Whether a call has invalidated, here at least, what it had committed by then.
fn is_acknowledged(commit: &Commit, call: &Call) -> bool {
    let may_have_left_first = call.kind == Kind::ByHand && call.outcome == Outcome::Dropped;
    commit.at <= call.end && !may_have_left_first
}

/// When each process had nothing left to deliver, in order.
struct Clears(HashMap<u32, Vec<(Micros, Micros)>>);

impl Clears {
    fn of(history: &History) -> Self {
        let mut clears: HashMap<u32, Vec<_>> = HashMap::new();
        for clear in &history.told.all_clears {
            clears.entry(clear.process).or_default().push((clear.before, clear.after));
        }
        clears.values_mut().for_each(|clears| clears.sort_unstable());
        Self(clears)
    }

    /// When the store had taken what a call invalidates, if it is known.
    fn delivered(&self, process: u32, call: &Call) -> Option<Micros> {
        if call.outcome == (Outcome::Ended { delivered: true }) {
            return Some(call.end);
        }
        let clears = self.0.get(&process)?;
        let at = clears.partition_point(|(before, _)| *before < call.end);
        clears.get(at).map(|(_, after)| *after)
    }
}

/// When the guard of a commit is over that nothing else has ended, if it is known to have stood.
fn guard_over(history: &History, commit: &Commit, call: Option<&Call>) -> Option<Micros> {
    let stood_long_enough = commit.at - commit.start < micros(GUARD) * 9 / 10;
    let lost = |window: &Window| window.fault.loses_guards() && window.overlaps(commit.start, commit.at);
    let ended_first = call.is_some_and(|call| call.end < commit.at);
    if !commit.kind.needs_guard() || !stood_long_enough || ended_first || history.windows.iter().any(lost) {
        return None;
    }
    // From its end on nobody renews it, or from the death of its process on.
    let mut deaths = history.told.deaths.iter().filter(|death| death.process == commit.process);
    let last_sent = match call {
        Some(call) => call.end,
        None => deaths.next().map(|Death { at, .. }| *at)?,
    };
    Some(arrived(history, commit.process, last_sent) + micros(GUARD) + GUARD_SLACK)
}

/// When all has arrived that a process had sent by then.
fn arrived(history: &History, process: u32, sent: Micros) -> Micros {
    let mut at = sent;
    let holds = |window: &&Window, at: Micros| {
        let reaches = window.process.is_none_or(|of| of == process);
        reaches && holds_back(window.fault) && window.to > at && window.overlaps(at, at + ON_ITS_WAY)
    };
    while let Some(window) = history.windows.iter().find(|window| holds(window, at)) {
        at = window.to;
    }
    at
}

/// Whether what was sent may arrive long after.
fn holds_back(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::StopServer
            | Fault::Pause
            | Fault::Sleep
            | Fault::StopChild
            | Fault::Stall
            | Fault::StallRequests
            | Fault::StallReplies
            | Fault::Split
            | Fault::Delay
    )
}
