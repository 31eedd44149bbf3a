//! One schedule, told: its plan, all that happened in it in order, and what is wrong with it.

use std::fmt::Write;

use crate::history::{At, History};
use crate::run::{Outcome, run};
use crate::variant::Variant;

/// Runs the schedule of a seed, and tells it.
pub fn replay(seed: u64, variant: Variant) -> String {
    let Outcome { plan, history, violations } = run(seed, variant);
    let mut told = format!(
        "seed {seed}: {} processes, {} keys; lease {:?}, guard {:?}, wait_max {:?}, budget {:?}, ttl {:?}, delays to {} ms; past the ttl {:?}, tags {:?}, near {:?}{}{}\n",
        plan.processes,
        plan.keys,
        plan.lease,
        plan.guard,
        plan.wait_max,
        plan.budget,
        plan.ttl,
        plan.delay_max,
        plan.freshness,
        plan.tagging,
        plan.near,
        if plan.near.is_some() && plan.is_published { ", told by who writes" } else { "" },
        if plan.has_namespace { ", in a namespace" } else { "" },
    );
    for (number, operation) in plan.operations.iter().enumerate() {
        let _ = writeln!(told, "  plan {number}: {operation:?}");
    }
    for fault in &plan.faults {
        let _ = writeln!(told, "  plan {fault:?}");
    }
    let mut events = events(&history);
    events.sort();
    for (at, event) in events {
        let _ = writeln!(told, "{:>7} ms  {event}", at.ms);
    }
    for violation in &violations {
        let _ = writeln!(told, "VIOLATION {violation}");
    }
    told
}

fn events(history: &History) -> Vec<(At, String)> {
    let mut events = Vec::new();
    for read in &history.reads {
        let who = format!("process {}: read {} of key {}", read.process, read.operation, read.key);
        events.push((read.begin, format!("{who} begins")));
        if let Some((end, got)) = read.end {
            events.push((end, format!("{who} got {got:?}")));
        }
    }
    for body in &history.bodies {
        let who = format!("process {}:   body of {} of key {}", body.process, body.operation, body.key);
        events.push((body.begin, format!("{who} begins")));
        events.extend(body.end.map(|end| (end, format!("{who} is over"))));
    }
    for mutation in &history.mutations {
        let who = format!("process {}: {:?} {}", mutation.process, mutation.what, mutation.operation);
        events.push((mutation.begin, format!("{who} begins")));
        events.extend(mutation.end.map(|end| (end, format!("{who} is over"))));
    }
    for commit in &history.commits {
        let what = format!("version {} of key {}", commit.version, commit.key);
        events.push((commit.at, format!("process {}: commits {what}", commit.process)));
        events.extend(commit.seen_here.map(|at| (at, format!("process {}: knows {what}", commit.process))));
        events.extend(commit.seen_everywhere.map(|at| (at, format!("all know {what}"))));
    }
    for fault in &history.faults {
        let at = At { seq: fault.seq, ms: fault.from };
        events.push((at, format!("fault {:?}, which matters until {} ms", fault.what, fault.until)));
    }
    events
}
