//! P6: what the cache may cost a caller.

use crate::check::{Promise, Violation};
use crate::history::{Got, History, Mutation, Read};
use crate::plan::{Ending, Freshness, Plan, Tagging, What, Wrong};

/// How late a process may ask again for a key that another one has loaded, in ms: the longest poll.
const POLL_MAX: u64 = 250;

/// By how much a timer may be late, in ms.
const ROUNDING: u64 = 2;

/// What messages and rounding may add, in ms.
const SLACK: u64 = 400;

/// How many messages a read has to wait for more where all of its namespace is invalidated meanwhile: its lookup is of an era
/// that is over, it hears of that and names another one, and looks again; each is a message and an answer.
const MESSAGES_OF_AN_ERA: u64 = 8;

/// A failure that is not a body's.
pub(super) fn wrong_failure(plan: &Plan, read: &Read) -> Option<Violation> {
    let (_, got) = read.end?;
    let planned = plan.operations.get(read.operation).map_or(Ending::Ok, |operation| operation.ending);
    let is_wrong = match got {
        Got::Panic => planned != Ending::Panic,
        Got::Error(version) => version == 0,
        Got::Late => !has_timed_out(plan, read),
        Got::Value(_) | Got::None | Got::Left => false,
    };
    is_wrong.then(|| violation(read, "failed, and not by its body"))
}

/// Whether a read has taken as long as its hard timeout.
fn has_timed_out(plan: &Plan, read: &Read) -> bool {
    let hard = plan.freshness.and_then(Freshness::hard);
    hard.zip(read.end).is_some_and(|(hard, (end, _))| millis(hard) <= end.ms - read.begin.ms)
}

/// A read that took longer than it may: at all, or where nothing explains it.
pub(super) fn too_late(plan: &Plan, history: &History, read: &Read) -> Option<Violation> {
    let (end, _) = read.end?;
    let took = end.ms - read.begin.ms;
    // A tag over the value and its epoch take messages of their own.
    let messages = if plan.tagging == Some(Tagging::OfValue) { 30 } else { 10 };
    let slack = SLACK + messages * plan.delay_max;
    let body = plan.operations.get(read.operation).map_or(0, |operation| operation.before + operation.after);
    // A batch loads once for what it leads at once, and again for what others give up.
    let own = if read.beside.is_some() { 2 * body } else { body };
    let pauses = plan.faults.iter().filter(|fault| matches!(fault.what, Wrong::Pause(_)));
    let paused: u64 = pauses.map(|fault| fault.lasts).sum();
    let bound = millis(plan.wait_max) + own + 10 * millis(plan.budget) + 2 * paused + slack;
    // A load by request is waited for.
    let hard = plan.freshness.and_then(Freshness::hard).filter(|_| !read.is_refresh);
    let bound = hard.map_or(bound, |hard| millis(hard) + ROUNDING);
    if took > bound {
        return Some(violation(read, &format!("took {took} ms, and may take {bound}")));
    }
    // A process that crashed leaves its lease behind.
    let from = read.begin.ms.saturating_sub(millis(plan.lease) + slack);
    if history.faults.iter().any(|fault| fault.from <= end.ms && from <= fault.until) {
        return None;
    }
    let (loading, others) = loads(history, read, end.ms);
    let unexplained = took - loading;
    let bound =
        slack + POLL_MAX * others + MESSAGES_OF_AN_ERA * plan.delay_max * eras(plan, history, read, end.ms);
    (unexplained > bound).then(|| {
        violation(
            read,
            &format!("waited {unexplained} ms for nothing, and may wait {bound} beside {others} loads"),
        )
    })
}

/// For how much of a read somebody loaded its keys, and how many loads of others that were.
fn loads(history: &History, read: &Read, end: u64) -> (u64, u64) {
    let (mut loading, mut others, mut counted_until) = (0, 0, read.begin.ms);
    // In the order in which they began.
    for body in history.bodies.iter().filter(|body| body.key == read.key || Some(body.key) == read.beside) {
        let until = body.end.map_or(end, |at| at.ms).min(end);
        if until < read.begin.ms || body.begin.ms > end {
            continue;
        }
        others += u64::from(body.process != read.process);
        loading += until.saturating_sub(counted_until.max(body.begin.ms));
        counted_until = counted_until.max(until);
    }
    (loading, others)
}

/// How often all of the namespace was invalidated during a read.
fn eras(plan: &Plan, history: &History, read: &Read, end: u64) -> u64 {
    let ends_an_era = |mutation: &&Mutation| {
        let ended = mutation.end.map_or(u64::MAX, |at| at.ms);
        mutation.what == What::ByCall && mutation.begin.ms <= end && read.begin.ms <= ended
    };
    if plan.has_namespace { history.mutations.iter().filter(ends_an_era).count() as u64 } else { 0 }
}

fn millis(duration: std::time::Duration) -> u64 {
    duration.as_millis() as u64
}

fn violation(read: &Read, what: &str) -> Violation {
    let Read { operation, process, key, begin, .. } = read;
    let what = format!("read {operation} of key {key} in process {process} from {} ms on {what}", begin.ms);
    Violation { promise: Promise::P6, what }
}
