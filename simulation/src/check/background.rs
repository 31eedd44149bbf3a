//! P6: what runs without a caller ends, and ends with its cache.

use crate::check::{Promise, Violation};
use crate::history::{Body, History};
use crate::plan::Wrong;

/// A load in the background that was dropped before its end.
pub(super) fn dropped(history: &History) -> Option<Violation> {
    let crashed = |body: &Body| history.faults.iter().any(|fault| fault.what == Wrong::Crash(body.process));
    let apart = history.bodies.iter().filter(|body| body.kind.is_apart());
    let dropped = apart.filter(|body| !body.is_finished && !crashed(body));
    dropped.map(|body| violation(body, "did not come to its end")).next()
}

/// A load in the background that began when its cache was closed.
pub(super) fn after_the_close(history: &History) -> Option<Violation> {
    let is_late = |body: &&Body| {
        let closed = |(process, at): &(usize, _)| *process == body.process && *at < body.begin;
        history.closes.iter().any(closed)
    };
    history.bodies.iter().find(is_late).map(|body| violation(body, "began when its cache was closed"))
}

fn violation(body: &Body, what: &str) -> Violation {
    let Body { operation, process, key, begin, .. } = body;
    let what = format!(
        "the body of read {operation} of key {key} in process {process} from {} ms on {what}",
        begin.ms
    );
    Violation { promise: Promise::P6, what }
}
