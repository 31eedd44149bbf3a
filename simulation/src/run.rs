//! One schedule: a world from its first call to when all is quiet, and what the checker says of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::calls::{Caller, keys_of_tags};
use crate::check::{self, Violation};
use crate::history::{At, Fault, History};
use crate::plan::{EVERY, Ending, Operation, Plan, PlannedFault, SLOW_MAX, What, Wrong, millis};
use crate::process::{NAMESPACE, Process};
use crate::telling::Line;
use crate::variant::Variant;
use crate::world::{World, key_name};

/// By then every call has ended, and every journal is delivered, or never will be.
const HORIZON: Duration = Duration::from_secs(120);

/// How long a cache that is closed waits for what runs in the background: longer than any body takes.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// How long the breaker of a process may keep it from a store that answers again.
const BREAKER_PAUSE_MAX: u64 = 2000;

/// What is left of a schedule.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
}

/// Runs the schedule of a seed.
pub(crate) fn run(seed: u64, variant: Variant) -> Outcome {
    variant.install();
    cachemacro_runtime::chance::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing");
    let (world, mut violations) = runtime.block_on(live(seed));
    // All tasks end here, and with them all that still knows the world.
    drop(runtime);
    let world = Arc::into_inner(world).expect("nobody is left in it");
    let (plan, history) = world.into_parts();
    violations.extend(check::check(&plan, &history));
    Outcome { plan, history, violations }
}

/// Lives through a world; says what was stuck at its end.
async fn live(seed: u64) -> (Arc<World>, Vec<Violation>) {
    let world = Arc::new(World::new(seed));
    let mut processes = Vec::new();
    for number in 0..world.plan.processes {
        processes.push(Process::start(number, Arc::clone(&world)).await);
    }
    let start = Instant::now();
    let mut callers = Vec::new();
    for (number, operation) in world.plan.operations.iter().copied().enumerate() {
        let process = Arc::clone(&processes[operation.process]);
        let caller = Caller { process: Arc::clone(&process), operation, number };
        callers.push(process.spawn(number, async move {
            sleep_until(start + millis(operation.at)).await;
            caller.run().await;
        }));
    }
    let mut faults: Vec<_> = world.plan.faults.clone();
    faults.sort_by_key(|fault| fault.at);
    for fault in faults {
        sleep_until(start + millis(fault.at)).await;
        go_wrong(&world, &processes, fault);
    }
    let mut stuck = Vec::new();
    for (number, caller) in callers.into_iter().enumerate() {
        if timeout(HORIZON, caller).await.is_err() {
            stuck.push(Violation::stuck(format!("operation {number} has not ended")));
        }
    }
    if stuck.is_empty() {
        stuck.extend(look_again(&world, &processes).await);
    }
    if stuck.is_empty() && world.plan.freshness.is_some() {
        close(&world, &processes).await;
    }
    (world, stuck)
}

/// Waits until all is quiet, and reads every key in every process that is left.
async fn look_again(world: &Arc<World>, processes: &[Arc<Process>]) -> Option<Violation> {
    let alive = || processes.iter().filter(|process| !process.is_dead());
    let deadline = Instant::now() + HORIZON;
    // Who is told of a new connection delivers its latest invalidations again.
    while alive().any(|process| !process.link.is_up()) {
        sleep(millis(10)).await;
    }
    sleep(millis(1)).await;
    while let Some(busy) = alive().find(|process| process.cache.status().undelivered > 0) {
        if Instant::now() > deadline {
            return Some(Violation::stuck(format!(
                "the journal of process {} is never delivered",
                busy.number
            )));
        }
        sleep(millis(50)).await;
    }
    sleep(settling(&world.plan, processes)).await;
    while let Some(process) = alive().find(|process| process.cache.status().loads > 0) {
        // It goes on when its caller has given up, or is one of many without a caller.
        if world.plan.freshness.is_none() || Instant::now() > deadline {
            return Some(Violation::stuck(format!("a load of process {} is never over", process.number)));
        }
        sleep(millis(5)).await;
    }
    for process in alive() {
        world.history().settled(process.number, world.ms());
    }
    let mut number = world.plan.operations.len();
    for key in 0..world.plan.keys {
        for process in alive() {
            let operation = Operation { key, process: process.number, ..QUIET_READ };
            let caller = Caller { process: Arc::clone(process), operation, number };
            let read = process.spawn(number, caller.run());
            if timeout(HORIZON, read).await.is_err() {
                return Some(Violation::stuck(format!("the last read of key {key} has not ended")));
            }
            number += 1;
        }
    }
    None
}

/// Closes all caches, and waits for what should not happen any more.
async fn close(world: &Arc<World>, processes: &[Arc<Process>]) {
    for process in processes.iter().filter(|process| !process.is_dead()) {
        process.cache.close(CLOSE_MAX).await;
        world.history().closed(process.number, world.ms());
    }
    sleep(3 * EVERY).await;
}

/// How long it takes until nothing is under way any more, and all that is known somewhere is known near.
fn settling(plan: &Plan, processes: &[Arc<Process>]) -> Duration {
    let late = if plan.has_late_messages() { SLOW_MAX } else { plan.delay_max.max(plan.telling_delay_max) };
    let under_way = millis(3 * late + plan.near.unwrap_or_default());
    // What a crash has left behind ends by itself, and refreshes that nobody waits for do. Elsewhere nothing is left,
    // and to wait for longer would be to watch the heartbeats of links for most of a world.
    let outlives_callers = plan.freshness.is_some() || processes.iter().any(|process| process.is_dead());
    under_way + if outlives_callers { plan.guard.max(plan.lease) } else { Duration::ZERO }
}

const QUIET_READ: Operation = Operation {
    at: 0,
    process: 0,
    what: What::Read,
    key: 0,
    second: None,
    before: 0,
    after: 0,
    ending: Ending::Ok,
    leaves_after: None,
};

fn go_wrong(world: &Arc<World>, processes: &[Arc<Process>], fault: PlannedFault) {
    let PlannedFault { at: _, lasts, what } = fault;
    let (now, until) = (world.ms(), Instant::now() + millis(lasts));
    match what {
        Wrong::Cut(process) => {
            processes[process].link.cut(until, world.below(2) == 0);
            if world.below(2) == 0 {
                world.deafen(Some(process), None);
            }
        }
        Wrong::Deaf(process) => world.deafen(Some(process), None),
        Wrong::Unlinked(process) => {
            processes[process].link.unlink(until);
            world.deafen(Some(process), Some(Line::Down));
        }
        Wrong::Flush => {
            world.server.restart(Instant::now());
            world.tell_of_own(None);
        }
        Wrong::Restart => {
            world.server.restart(until);
            world.deafen(None, None);
            for process in processes {
                process.link.cut(until + millis(world.below(20)), false);
            }
        }
        Wrong::Failover => {
            if !world.server.fail_over(until) {
                return;
            }
            let lag = world.plan.replica_lag.unwrap_or_default().as_millis() as u64;
            world.history().lose(now.saturating_sub(lag), now);
            world.deafen(None, None);
            for process in processes {
                process.link.cut(until + millis(world.below(20)), false);
            }
        }
        Wrong::Evict(key) => {
            let mut evicted = key_name(key);
            if world.plan.tagging.is_some() {
                let [first, second, epoch] = keys_of_tags(key);
                evicted = [evicted, first, second, epoch][world.below(4) as usize].clone();
            }
            if world.plan.has_namespace {
                evicted = format!("{NAMESPACE}:{evicted}");
            }
            world.server.evict(evicted.as_bytes());
            world.tell_of_own(Some(evicted.as_bytes()));
        }
        Wrong::Pause(process) => processes[process].link.pause(until),
        Wrong::Crash(process) => processes[process].crash(world.below(2) == 0),
        Wrong::Slow(process) => processes[process].link.slow_down(until),
        Wrong::SlowAnswers(process) => processes[process].link.slow_answers_down(until),
        Wrong::Lossy(process) => processes[process].link.lose(until),
    }
    let ends = match what {
        Wrong::Evict(_) | Wrong::Crash(_) => now,
        Wrong::Unlinked(_) => now + lasts,
        // Until the last message that it delayed has arrived, and the breaker lets calls through again.
        _ => now + lasts + 2 * SLOW_MAX + BREAKER_PAUSE_MAX,
    };
    note(world, what, ends);
}

/// Writes down what went wrong, and until when it matters.
pub(crate) fn note(world: &World, what: Wrong, until: u64) {
    let mut history = world.history();
    let At { seq, ms: from } = history.at(world.ms());
    history.faults.push(Fault { seq, what, from, until });
}
