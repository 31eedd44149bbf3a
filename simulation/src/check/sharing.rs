//! P5: how many bodies run at once.

use crate::check::{Promise, Violation};
use crate::history::{Body, History, Kind, Mutation, Read};
use crate::plan::{Freshness, Plan, Tagging, What, Wrong};

/// How long before a load a mutation may still matter to its lease, in ms: longer than any body takes.
const AFTERMATH: u64 = 1000;

/// Two bodies for one key at once in one process.
pub(super) fn in_one_process(plan: &Plan, history: &History) -> Option<Violation> {
    overlaps(history)
        .find(|(first, second)| {
            first.process == second.process
                && !has_waited_enough(plan, history, first)
                && !has_waited_enough(plan, history, second)
        })
        .map(|(first, second)| violation(first, second))
}

/// Two bodies for one key at once in two processes, where nothing had taken the lease of the first.
pub(super) fn in_all_processes(plan: &Plan, history: &History) -> Option<Violation> {
    overlaps(history)
        .find(|(first, second)| {
            first.process != second.process
                && !has_waited_enough(plan, history, first)
                && !has_waited_enough(plan, history, second)
                && !has_gone_without(plan, history, first)
                && !has_gone_without(plan, history, second)
                && !is_disturbed(plan, history, first, second)
        })
        .map(|(first, second)| violation(first, second))
}

/// Two refreshes of one key at once in the background, where nothing had taken the lease of the first.
pub(super) fn in_the_background(plan: &Plan, history: &History) -> Option<Violation> {
    overlaps_of(history, |body| body.kind == Kind::Background)
        .find(|(first, second)| !is_disturbed(plan, history, first, second))
        .map(|(first, second)| violation(first, second))
}

/// Pairs of bodies, the earlier one first, that ran at once. A refresh does not join other loads.
fn overlaps(history: &History) -> impl Iterator<Item = (&Body, &Body)> {
    overlaps_of(history, |body| matches!(body.kind, Kind::Call | Kind::Apart))
}

fn overlaps_of(history: &History, counts: fn(&Body) -> bool) -> impl Iterator<Item = (&Body, &Body)> {
    let bodies = move || history.bodies.iter().filter(move |body| counts(body));
    bodies().enumerate().flat_map(move |(number, first)| {
        bodies()
            .skip(number + 1)
            .filter(move |second| second.key == first.key && first.end.is_none_or(|end| second.begin < end))
            .map(move |second| (first, second))
    })
}

/// Whether its caller had waited as long as callers wait, and then loaded for itself.
fn has_waited_enough(plan: &Plan, history: &History, body: &Body) -> bool {
    let waited = body.begin.ms - called_at(history, body);
    u128::from(waited) >= plan.wait_max.as_millis()
}

/// Whether its caller may have loaded without the store, which gets half of a hard timeout to answer: the first ones of two
/// processes take longer where both name the era of a namespace, as one waits for the other.
fn has_gone_without(plan: &Plan, history: &History, body: &Body) -> bool {
    let hard = plan.freshness.and_then(Freshness::hard).filter(|_| plan.has_namespace);
    let called = called_at(history, body);
    let is_first = || {
        let ends =
            history.reads.iter().filter(|read| read.process == body.process).filter_map(|read| read.end);
        ends.into_iter().all(|(end, _)| end.ms > called)
    };
    hard.is_some_and(|hard| u128::from(body.begin.ms - called) >= hard.as_millis() / 2) && is_first()
}

/// When the store was asked for the first time whether it may run.
fn called_at(history: &History, body: &Body) -> u64 {
    if body.kind == Kind::Background {
        return body.begin.ms;
    }
    let call = history.reads.iter().find(|read| read.operation == body.operation);
    call.map_or(body.begin.ms, |read| read.begin.ms)
}

/// Whether something may have taken the lease of the first, or have kept the second from asking for it.
fn is_disturbed(plan: &Plan, history: &History, first: &Body, second: &Body) -> bool {
    let from = called_at(history, first).min(called_at(history, second)).saturating_sub(AFTERMATH);
    let until = second.begin.ms;
    // A mutation that was left ends in the background; a crashed one's guard ends by itself.
    let lingers = AFTERMATH + plan.guard.as_millis() as u64;
    let mutated = history.mutations.iter().any(|mutation| {
        let Mutation { what, keys, begin, end, .. } = mutation;
        let end = end.map_or(u64::MAX, |end| end.ms + lingers);
        // Tags over the value of all keys have one epoch, and a call may be of all keys.
        let is_of_all = plan.has_namespace && *what == What::ByCall;
        let concerns = is_of_all || plan.tagging == Some(Tagging::OfValue) || keys.contains(&Some(first.key));
        concerns && begin.ms <= until && from <= end
    });
    let refreshed = history.reads.iter().any(|read| {
        let Read { key, is_refresh, begin, end, .. } = read;
        let end = end.map_or(u64::MAX, |(end, _)| end.ms);
        *is_refresh && *key == first.key && begin.ms <= until && from <= end
    });
    let failed = history.faults.iter().any(|fault| {
        let concerns = match fault.what {
            Wrong::Evict(key) => plan.tagging == Some(Tagging::OfValue) || key == first.key,
            _ => true,
        };
        concerns && fault.from <= until && from <= fault.until
    });
    mutated || refreshed || failed
}

fn violation(first: &Body, second: &Body) -> Violation {
    let what = format!(
        "the bodies of reads {} (process {}) and {} (process {}) ran at once, at {} ms",
        first.operation, first.process, second.operation, second.process, second.begin.ms
    );
    Violation { promise: Promise::P5, what }
}
