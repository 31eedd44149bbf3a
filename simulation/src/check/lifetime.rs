//! P7: how long a value is returned after it was loaded.

use crate::check::{Promise, Violation};
use crate::history::{Got, History, Mutation, Read};
use crate::plan::{Freshness, Plan, Tagging, What};

/// A value that was returned to who came after its time.
pub(super) fn past_its_time(plan: &Plan, history: &History, read: &Read) -> Option<Violation> {
    let (_, Got::Value(version)) = read.end? else { return None };
    if plan.has_late_messages() {
        return None;
    }
    let loaded_at = loads(history, read.key, version).max()?;
    let window = plan.freshness.map_or(0, |freshness| freshness.window().as_millis() as u64);
    // It is stored a message after its load, and where it names a tag, that is made before, and its epoch looked at;
    // times are cut off to whole ms.
    let messages = if plan.tagging == Some(Tagging::OfValue) { 11 } else { 1 };
    let lasts = plan.ttl.as_millis() as u64 + window + messages * plan.delay_max + 2;
    let past = read.begin.ms.checked_sub(loaded_at.saturating_add(lasts)).filter(|past| *past > 0)?;
    let Read { operation, process, key, begin, .. } = read;
    let what = format!(
        "read {operation} of key {key} in process {process} from {} ms on got version {version}, {past} ms past \
         its time",
        begin.ms
    );
    Some(Violation { promise: Promise::P7, what })
}

/// A value that nobody was returned for as long as it lives without.
pub(super) fn past_its_idle(plan: &Plan, history: &History, read: &Read) -> Option<Violation> {
    let (_, Got::Value(version)) = read.end? else { return None };
    let idle = plan.freshness.and_then(Freshness::idle)?.as_millis() as u64;
    if plan.has_late_messages() {
        return None;
    }
    let hits = history.reads.iter().filter(|other| other.key == read.key && other.begin < read.begin);
    let hits = hits.filter_map(|other| match other.end? {
        (end, Got::Value(hit)) if hit == version => Some(end.ms),
        _ => None,
    });
    let last = hits.chain(loads(history, read.key, version)).max()?;
    // Who is returned it sends its extension then; what is kept near lives from its lookup on.
    let lasts = idle + plan.delay_max + 2;
    let past = read.begin.ms.checked_sub(last.saturating_add(lasts)).filter(|past| *past > 0)?;
    let Read { operation, process, key, begin, .. } = read;
    let what = format!(
        "read {operation} of key {key} in process {process} from {} ms on got version {version}, {past} ms past \
         its idle",
        begin.ms
    );
    Some(Violation { promise: Promise::P7, what })
}

/// When what was to be stored of a version was known; at the end of time, if that is not over.
fn loads(history: &History, key: usize, version: u64) -> impl Iterator<Item = u64> {
    let bodies = history.bodies.iter().filter(move |body| body.key == key && body.version == Some(version));
    let puts = history.commits.iter().filter(move |commit| commit.key == key && commit.version == version);
    let puts = puts.filter_map(|commit| {
        let by = |mutation: &&Mutation| mutation.operation == commit.operation;
        let mutation = history.mutations.iter().find(by)?;
        matches!(mutation.what, What::WriteThrough | What::GuardAndPut).then_some(mutation.end)
    });
    bodies.map(|body| body.end).chain(puts).map(|end| end.map_or(u64::MAX, |end| end.ms))
}
