//! What a seed makes of a world: its processes, its bounds in time, who does what, and what goes wrong.
//!
//! About half of the worlds are calm: messages take their time and overtake each other, callers leave,
//! bodies fail, processes crash, but the network loses nothing. There the promises hold that have a
//! healthy store or an unbroken guard as their premise. The other half are stormy. Each is of a
//! [theme](theme::Theme), so that what is rare in one is common in another.

mod freshness;
mod theme;

use std::time::Duration;

use crate::plan::theme::{Bodies, Theme};
use crate::rng::Rng;

pub(crate) use freshness::{EVERY, Freshness, HARD, IDLE, IF_ERROR, REVALIDATE, SOFT};

/// A world before it begins.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) processes: usize,
    pub(crate) lease: Duration,
    pub(crate) guard: Duration,
    pub(crate) wait_max: Duration,
    /// How long a process waits for the server to answer.
    pub(crate) budget: Duration,
    /// The longest that a message is under way, in ms, where nothing is wrong.
    pub(crate) delay_max: u64,
    /// How long values live.
    pub(crate) ttl: Duration,
    /// What the cached function says of time beside its ttl.
    pub(crate) freshness: Option<Freshness>,
    /// What tags values stand under, if they do; mutations invalidate those.
    pub(crate) tagging: Option<Tagging>,
    /// Whether processes share a namespace; calls that invalidate then invalidate all of it.
    pub(crate) has_namespace: bool,
    /// Whether processes are told of reconnects, and then deliver their latest invalidations again.
    pub(crate) tells_sessions: bool,
    /// How far the server's replica is behind, if it has one.
    pub(crate) replica_lag: Option<Duration>,
    /// How far processes may be behind, in ms, if they keep values near.
    pub(crate) near: Option<u64>,
    /// Whether the server tells nothing of its own, and those who invalidate and guard publish it.
    pub(crate) is_published: bool,
    /// The longest that what is told of changes is under way, in ms.
    pub(crate) telling_delay_max: u64,
    /// How many of a hundred turns of the server that begin with a change are long, and how long, in ms.
    pub(crate) long_turns: (u64, (u64, u64)),
    pub(crate) keys: usize,
    pub(crate) operations: Vec<Operation>,
    pub(crate) faults: Vec<PlannedFault>,
}

/// What tags a value stands under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tagging {
    /// One of its key.
    OfKey,
    /// Two of its key, of which a mutation invalidates one.
    Two,
    /// One that it names itself.
    OfValue,
}

/// What one caller does. Times are in ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) at: u64,
    pub(crate) process: usize,
    pub(crate) what: What,
    pub(crate) key: usize,
    /// A second key that is mutated along, or read in one batch.
    pub(crate) second: Option<usize>,
    /// How long the body takes before it reads or commits, and after.
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) ending: Ending,
    /// When the caller leaves, if it does.
    pub(crate) leaves_after: Option<u64>,
}

/// The ways into the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Read,
    Refresh,
    /// A mutation that guards where it can.
    Guarded,
    /// A mutation that does not run without guards.
    Required,
    /// A mutation without guards.
    Unguarded,
    /// A commit by hand, and a call that invalidates.
    ByCall,
    /// A mutation whose value is stored.
    WriteThrough,
    /// A guard by hand, and the committed value put.
    GuardAndPut,
    /// A guard by hand that is finished.
    GuardAndFinish,
    /// A transaction of one mutation or two.
    Transaction,
}

/// How a body ends. A mutation has committed by then, except where it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Ok,
    Err,
    Panic,
    /// The process crashes where the body would have committed.
    CrashBefore,
    /// The process crashes at the body's end.
    CrashAfter,
}

/// What goes wrong, when, and for how long in ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlannedFault {
    pub(crate) at: u64,
    pub(crate) lasts: u64,
    pub(crate) what: Wrong,
}

/// What can go wrong. The number is that of a process, or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A connection breaks; what is on its way is lost, or arrives and is not answered.
    Cut(usize),
    /// The server comes back with an empty memory.
    Restart,
    /// The server's replica takes its place, which has not heard of everything yet.
    Failover,
    /// A value or a lease is evicted.
    Evict(usize),
    /// A process stands still.
    Pause(usize),
    Crash(usize),
    /// The messages of a process take up to [`SLOW_MAX`].
    Slow(usize),
    /// The same of answers alone: what it sends arrives as ever.
    SlowAnswers(usize),
    /// The messages of a process are lost, one of three.
    Lossy(usize),
    /// A process is not told of changes any more, and may not know.
    Deaf(usize),
    /// A process loses the connection on which it is told of changes, knows, and is given no other for so long.
    Unlinked(usize),
    /// All that is stored is removed.
    Flush,
}

/// The longest that a slow message is under way.
pub(crate) const SLOW_MAX: u64 = 300;

impl What {
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::Refresh)
    }

    /// Whether a crash leaves nothing stale, by P3.
    pub(crate) fn is_guarded(self) -> bool {
        !self.is_read() && !matches!(self, Self::Unguarded | Self::ByCall)
    }
}

impl Plan {
    /// Whether a read of two keys is one call: what says more of time than a ttl is read by itself.
    pub(crate) fn has_batches(&self) -> bool {
        self.freshness.is_none()
    }

    /// Whether messages may take longer than the longest delay.
    pub(crate) fn has_late_messages(&self) -> bool {
        self.faults
            .iter()
            .any(|fault| matches!(fault.what, Wrong::Slow(_) | Wrong::SlowAnswers(_) | Wrong::Pause(_)))
    }

    pub(crate) fn new(rng: &mut Rng) -> Self {
        let theme = rng.weighted(theme::ALL);
        let is_calm = !rng.percent(theme.storm_percent);
        let processes = rng.weighted(theme.processes);
        let keys = rng.weighted(theme.keys);
        let span = rng.pick(theme.spans);
        let count = rng.between(theme.operations.0, theme.operations.1);
        let (bodies, loads) = (rng.pick(theme.bodies), rng.pick(theme.loads));
        let reads_percent = rng.pick(theme.reads_percent);
        let among = Among { theme, processes, keys, span, reads_percent, bodies, loads };
        let mut operations: Vec<_> = (0..count).map(|_| Operation::random(rng, among)).collect();
        operations.sort_by_key(|operation| operation.at);
        let faults: Vec<_> = match is_calm {
            true => (0..rng.below(2)).map(|_| PlannedFault::eviction(rng, among)).collect(),
            false => {
                (0..rng.between(1, theme.faults_most)).map(|_| PlannedFault::random(rng, among)).collect()
            }
        };
        let fails_over = faults.iter().any(|fault| fault.what == Wrong::Failover);
        let delay_max = rng.pick(theme.delays);
        // A lease and a guard outlast a few renewals that come late.
        let lasting = |rng: &mut Rng, choices: &[u64]| rng.pick(choices).max(10 * delay_max);
        let budget = rng.pick(theme.budgets);
        let freshness = rng
            .percent(theme.freshness_percent)
            .then(|| rng.weighted(theme.freshness))
            .map(|freshness| freshness.under(delay_max));
        let tagging = rng.percent(theme.tagged_percent).then(|| rng.weighted(theme.taggings));
        let bound = rng.pick(theme.bounds);
        let (shortest, longest) = theme.long_turn;
        Self {
            processes,
            lease: millis(lasting(rng, &[100, 150, 400, 3000])),
            guard: millis(lasting(rng, theme.guards)),
            wait_max: millis(rng.pick(&[400, 2000, 10_000])),
            // Where nothing is wrong, there is time for a message and its answer.
            budget: millis(budget.max(3 * delay_max)),
            delay_max,
            ttl: millis(rng.pick(freshness.map_or(&[60, 300, 60_000, 60_000, 60_000], Freshness::ttls))),
            freshness,
            tagging,
            has_namespace: rng.percent(theme.namespace_percent),
            tells_sessions: fails_over || rng.percent(50),
            replica_lag: fails_over.then(|| millis(rng.pick(&[12, 40, 120]))),
            near: rng.percent(theme.near_percent).then_some(bound),
            is_published: rng.percent(theme.published_percent),
            telling_delay_max: rng.pick(theme.telling_delays).unwrap_or(delay_max),
            long_turns: (rng.pick(theme.long_turns_percent), (bound * shortest / 100, bound * longest / 100)),
            keys,
            operations,
            faults,
        }
    }
}

/// What an operation is drawn from.
#[derive(Clone, Copy)]
struct Among {
    theme: &'static Theme,
    processes: usize,
    keys: usize,
    span: u64,
    reads_percent: u64,
    bodies: Bodies,
    loads: Bodies,
}

impl Among {
    /// When something happens.
    fn at(self, rng: &mut Rng) -> u64 {
        match self.theme.waves {
            None => rng.below(self.span),
            Some((every, width)) => rng.below(self.span.div_ceil(every)) * every + rng.below(width),
        }
    }
}

impl Operation {
    fn random(rng: &mut Rng, among: Among) -> Self {
        let Among { theme, processes, keys, reads_percent, bodies, loads, .. } = among;
        let what = match rng.percent(reads_percent) {
            true => rng.weighted(&[(14, What::Read), (1, What::Refresh)]),
            false => rng.weighted(theme.mutations),
        };
        let process = match theme.are_apart && processes > 1 {
            true if what.is_read() => 0,
            true => 1 + rng.below(processes as u64 - 1) as usize,
            false => rng.below(processes as u64) as usize,
        };
        let key = rng.below(keys as u64) as usize;
        let is_two = keys > 1
            && match what {
                What::Guarded | What::Unguarded => rng.percent(20),
                What::Read => rng.percent(theme.batches_percent),
                _ => false,
            };
        let mut ending = match rng.below(100) {
            at if at < theme.errors_percent => Ending::Err,
            at if at < theme.errors_percent + 5 => Ending::Panic,
            _ => Ending::Ok,
        };
        // The first process never crashes, so that somebody is left to read at the end.
        if !what.is_read() && process > 0 && rng.percent(theme.crashes_percent) {
            ending = rng.pick(&[Ending::CrashBefore, Ending::CrashAfter, Ending::CrashAfter]);
        }
        let bodies = if what.is_read() { loads } else { bodies };
        let (before, after) = (bodies.ms(rng), bodies.ms(rng));
        let leaves_after = rng.percent(8).then(|| rng.below(before + after + 12));
        Self {
            at: among.at(rng),
            process,
            what,
            key,
            second: is_two.then_some((key + 1) % keys),
            before,
            after,
            ending,
            leaves_after,
        }
    }
}

impl PlannedFault {
    fn eviction(rng: &mut Rng, among: Among) -> Self {
        let what = Wrong::Evict(rng.below(among.keys as u64) as usize);
        Self { at: among.at(rng), lasts: 0, what }
    }

    fn random(rng: &mut Rng, among: Among) -> Self {
        // Where one process alone reads, it is what matters.
        let process = if among.theme.are_apart { 0 } else { rng.below(among.processes as u64) as usize };
        let what = match rng.weighted(among.theme.faults) {
            Wrong::Cut(_) => Wrong::Cut(process),
            Wrong::Pause(_) => Wrong::Pause(process),
            // The first process never crashes; beside it there may be none.
            Wrong::Crash(_) if among.processes == 1 => Wrong::Cut(0),
            Wrong::Crash(_) => Wrong::Crash(process.max(1)),
            Wrong::Slow(_) => Wrong::Slow(process),
            Wrong::SlowAnswers(_) => Wrong::SlowAnswers(process),
            Wrong::Lossy(_) => Wrong::Lossy(process),
            Wrong::Deaf(_) => Wrong::Deaf(process),
            Wrong::Unlinked(_) => Wrong::Unlinked(process),
            Wrong::Restart => Wrong::Restart,
            Wrong::Failover => Wrong::Failover,
            Wrong::Flush => Wrong::Flush,
            Wrong::Evict(_) => return Self::eviction(rng, among),
        };
        Self { at: among.at(rng), lasts: rng.pick(among.theme.lasting), what }
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
