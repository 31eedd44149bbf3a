//! What a call may cost: P5 and P6.
//!
//! P6: no read fails but by its own body, and no mutation but by its own or by the guard it requires. And
//! a call ends in time: a read waits for others for at most [`WAIT_MAX`], and every call for the store for at
//! most a few budgets, beside its own body, which is measured, and the time for which its process was stopped.
//!
//! P5: the bodies of one key in one process run one at a time. A call that has waited for [`WAIT_MAX`] runs
//! its own beside the others; so does `refresh`, which is not counted. And a caller who leaves hands the lead on as
//! its future is dropped, just before its body is: that one does not run any more, though its end is noted after
//! the beginning of the next.

use std::collections::HashMap;

use super::{Findings, History, What, may_be_refused};
use crate::clock::{Micros, micros};
use crate::fault::Fault;
use crate::record::{Call, Kind, Outcome};
use crate::settings::{BUDGET, SLACK, WAIT_MAX};

/// How often a call may wait for the store, at most: a transaction's guards, and its end, of two keys each.
const BUDGETS: u64 = 6;

/// The longest pause between two looks at a key that another process loads.
const POLL: Micros = 250_000;

/// How long it may take to drop a future, on a machine that has other things to do.
const DROPPING: Micros = 100_000;

/// Whether a call failed as none may.
pub(super) fn failed(call: &Call) -> Option<What> {
    match call.outcome {
        Outcome::Torn => Some(What::Torn),
        Outcome::Refused if !may_be_refused(call.kind) => Some(What::Failed),
        _ => None,
    }
}

/// Finds calls that took too long, and the longest.
pub(super) fn slow(history: &History, found: &mut Vec<(What, u32, Call)>, findings: &mut Findings) {
    let mut stops: HashMap<u32, Vec<(Micros, Micros)>> = HashMap::new();
    for window in history.windows.iter().filter(|window| window.fault == Fault::StopChild) {
        stops.entry(window.process.unwrap_or_default()).or_default().push((window.from, window.to));
    }
    for (process, call) in &history.told.calls {
        let taken = call.end - call.start;
        let overlap =
            |(from, to): &(Micros, Micros)| to.min(&call.end).saturating_sub(*from.max(&call.start));
        let stopped: Micros = stops.get(process).into_iter().flatten().map(overlap).sum();
        let most = bound(call) + stopped;
        if taken > most {
            found.push((What::Slow(most), *process, *call));
        }
        let is_longer = |longest: &Option<(u32, Call)>| {
            longest.is_none_or(|(_, longest)| taken > longest.end - longest.start)
        };
        if is_longer(&findings.longest) {
            findings.longest = Some((*process, *call));
        }
        if stopped == 0 && is_longer(&findings.longest_running) {
            findings.longest_running = Some((*process, *call));
        }
    }
}

fn bound(call: &Call) -> Micros {
    let body = call.body.map_or(0, |(from, to)| to.saturating_sub(from));
    let waits = match call.kind {
        Kind::Read | Kind::Strict | Kind::Final => micros(WAIT_MAX) + POLL,
        _ => 0,
    };
    body + waits + BUDGETS * micros(BUDGET) + micros(SLACK)
}

/// When a body began, when it ended, and whose it was.
type Body<'a> = (Micros, Micros, &'a Call);

/// Finds bodies that ran beside another of the same key in the same process.
pub(super) fn beside(history: &History, found: &mut Vec<(What, u32, Call)>) {
    let mut bodies: HashMap<(u32, u8), Vec<Body<'_>>> = HashMap::new();
    for (process, call) in &history.told.calls {
        if let (Kind::Read | Kind::Strict | Kind::Final, Some((from, to))) = (call.kind, call.body)
            && from - call.start < micros(WAIT_MAX) * 9 / 10
        {
            bodies.entry((*process, call.key)).or_default().push((from, to, call));
        }
    }
    for ((process, _), mut bodies) in bodies {
        bodies.sort_unstable_by_key(|(from, ..)| *from);
        let mut latest: Option<(Micros, &Call)> = None;
        for (from, to, call) in bodies {
            if let Some((end, other)) = latest
                && from < end
                && (other.outcome != Outcome::Dropped || end - from > DROPPING)
            {
                found.push((What::Beside(other.id), process, *call));
            }
            if latest.is_none_or(|(end, _)| to > end) {
                latest = Some((to, call));
            }
        }
    }
}
