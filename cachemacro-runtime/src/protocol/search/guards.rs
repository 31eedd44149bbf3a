//! Two writers, each guarded, with a put or unguarded, and three reads that share nothing.
//!
//! - P1: a read that begins after a writer's invalidation, end or put was acknowledged never returns
//!   a value from before that writer's commit.
//! - P3: once every writer has ended, or has crashed and its guard has run out, what is stored is what
//!   the source holds; and a read that begins after the guard of a crashed writer has run out never
//!   returns a value from before its commit.
//!
//! A commit that was on its way when its process crashed may still take effect, as long as its guard
//! stands. What is stored may be lost once, but no guard is, and no guard of a writer that lives runs
//! out before its commit: those are the premises of P3.

use super::{Key, LATER, NOW, Outcome, PAST, Time, Version, explore, held, token};
use crate::protocol::slot::{self, Guard, Sighting, Slot};
use crate::protocol::token::{Permit, Token, Verdict};

const WRITERS: usize = 2;
const READS: usize = 3;

/// What may go wrong in the world.
#[derive(Clone, Copy)]
struct Faults {
    evictions: u8,
    /// Guarded writers crash, wherever they are.
    crashes: bool,
    /// Guards run out before their commit, which breaks the premise of P3.
    early_expiries: bool,
}

const WITHIN_PREMISES: Faults = Faults { evictions: 1, crashes: true, early_expiries: false };

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    No,
    /// A writer without a guard crashes between its commit and its invalidation.
    UnguardedCrash,
    /// A guard takes the place of another, and whoever ends removes it.
    OneGuardForAll,
    /// A put is a plain set, with no guard before it.
    PutUnasked,
    /// A put is written by the last one out, whoever else was there.
    PutAfterOverlap,
    /// A second guard leaves no trace but itself.
    OverlapUnmarked,
    /// What is carried outlasts the first guard that ends.
    CarriedKept,
    /// What is carried stays until the first of several guards ends.
    CarriedUntilAnEnd,
    /// An invalidation removes whatever is there, guards too.
    InvalidationUnlinks,
    /// To end a guard that is no longer there does nothing.
    LostEndIgnored,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    source: Version,
    /// The highest version whose writer was told that the old ones are gone.
    acknowledged: Version,
    key: Key,
    evictions: u8,
    reads: [Read; READS],
    writers: [Writer; WRITERS],
    /// Whether a read has returned what it must not.
    stale_read: bool,
}

/// `floor` is what was acknowledged when the read began: it must return that at least.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Read {
    Idle,
    Asked { floor: Version },
    Loading { floor: Version, leads: bool },
    Filling { floor: Version, value: Version },
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Writer {
    at: WriterAt,
    /// Whether the time of its guard is over.
    ran_out: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum WriterAt {
    Idle,
    Guarded {
        ending: Ending,
    },
    Committed {
        version: Version,
        ending: Ending,
    },
    /// Its last step has taken effect; the answer is on its way.
    Ended {
        version: Version,
    },
    Done,
    /// It crashed; its commit may be on its way, or was made.
    Crashed {
        commits: bool,
        version: Option<Version>,
    },
}

/// A writer's last step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Ending {
    End,
    Put,
    /// There is no guard to end.
    Invalidate,
}

impl World {
    fn new() -> Self {
        Self {
            source: 0,
            acknowledged: 0,
            key: None,
            evictions: 0,
            reads: [Read::Idle; READS],
            writers: [Writer { at: WriterAt::Idle, ran_out: false }; WRITERS],
            stale_read: false,
        }
    }

    /// All worlds that are one step away.
    fn next(&self, faults: Faults, wrong: Wrong) -> Vec<Self> {
        let mut next = Vec::new();
        for writer in 0..WRITERS {
            // Writers are alike, so the first begins first; and so with the reads.
            if self.writers[..writer].iter().all(|before| before.at != WriterAt::Idle) {
                self.step_writer(writer, faults, wrong, &mut next);
            }
        }
        for read in 0..READS {
            if self.reads[..read].iter().all(|before| *before != Read::Idle) {
                self.step_read(read, &mut next);
            }
        }
        if self.evictions < faults.evictions && !matches!(self.key, None | Some(Slot::Guarded(_))) {
            next.push(Self { key: None, evictions: self.evictions + 1, ..self.clone() });
        }
        next.retain(|world| world != self);
        next
    }

    fn step_writer(&self, writer: usize, faults: Faults, wrong: Wrong, next: &mut Vec<Self>) {
        let Writer { at, ran_out } = self.writers[writer];
        let mut go = |at, step: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            world.writers[writer].at = at;
            step(&mut world);
            next.push(world);
        };
        let commit = |world: &mut Self| world.source += 1;
        let committed = self.source + 1;
        match at {
            WriterAt::Idle => {
                let begin = |world: &mut Self| world.begin(writer, wrong);
                go(WriterAt::Guarded { ending: Ending::End }, &begin);
                if wrong == Wrong::PutUnasked {
                    go(WriterAt::Committed { version: committed, ending: Ending::Put }, &commit);
                } else {
                    go(WriterAt::Guarded { ending: Ending::Put }, &begin);
                }
                go(WriterAt::Committed { version: committed, ending: Ending::Invalidate }, &commit);
            }
            WriterAt::Guarded { ending } => {
                if !ran_out || faults.early_expiries {
                    go(WriterAt::Committed { version: committed, ending }, &commit);
                }
                go(at, &|world| world.renew(writer));
                if faults.crashes {
                    go(WriterAt::Crashed { commits: true, version: None }, &|_| {});
                }
                if faults.early_expiries {
                    go(at, &|world| world.run_out(writer));
                }
            }
            WriterAt::Committed { version, ending } => {
                go(WriterAt::Ended { version }, &|world| world.finish(writer, version, ending, wrong));
                let guarded = ending != Ending::Invalidate;
                if guarded {
                    go(at, &|world| world.renew(writer));
                    go(at, &|world| world.run_out(writer));
                }
                if faults.crashes && (guarded || wrong == Wrong::UnguardedCrash) {
                    go(WriterAt::Crashed { commits: false, version: Some(version) }, &|world| {
                        world.writers[writer].ran_out |= !guarded;
                    });
                }
            }
            WriterAt::Ended { version } => go(WriterAt::Done, &|world| {
                world.acknowledged = world.acknowledged.max(version);
            }),
            WriterAt::Crashed { commits, version } => {
                if commits && (!ran_out || faults.early_expiries) {
                    go(WriterAt::Crashed { commits: false, version: Some(committed) }, &commit);
                }
                go(at, &|world| {
                    world.run_out(writer);
                    // It stands for an acknowledgement, if it has outlasted the commit.
                    if !faults.early_expiries {
                        world.acknowledged = world.acknowledged.max(version.unwrap_or_default());
                    }
                });
            }
            WriterAt::Done => {}
        }
    }

    fn begin(&mut self, writer: usize, wrong: Wrong) {
        let guard = Guard { token: guard_of(writer), until: LATER };
        let carried = self.carried();
        self.key = slot::begin(self.key.as_ref(), guard, NOW).0.after(self.key.take());
        if let Some(Slot::Guarded(guarded)) = &mut self.key {
            match wrong {
                Wrong::OneGuardForAll => guarded.guards = vec![guard],
                Wrong::OverlapUnmarked => guarded.overlapped = false,
                Wrong::CarriedKept | Wrong::CarriedUntilAnEnd if carried.is_some() => {
                    guarded.carried = carried
                }
                _ => {}
            }
        }
    }

    fn carried(&self) -> Option<slot::Held<Version, Time>> {
        match &self.key {
            Some(Slot::Guarded(guarded)) => guarded.carried.clone(),
            _ => None,
        }
    }

    fn renew(&mut self, writer: usize) {
        let guard = Guard { token: guard_of(writer), until: LATER };
        self.key = slot::renew_guard(self.key.as_ref(), guard, NOW).0.after(self.key.take());
    }

    /// Lets the time of a guard be over, wherever it stands.
    fn run_out(&mut self, writer: usize) {
        self.writers[writer].ran_out = true;
        if let Some(Slot::Guarded(guarded)) = &mut self.key {
            for guard in guarded.guards.iter_mut().filter(|guard| guard.token == guard_of(writer)) {
                guard.until = PAST;
            }
        }
    }

    /// Takes a writer's last step.
    fn finish(&mut self, writer: usize, version: Version, ending: Ending, wrong: Wrong) {
        let token = guard_of(writer);
        let key = self.key.take();
        self.key = match (ending, wrong) {
            (Ending::Invalidate, Wrong::InvalidationUnlinks) => None,
            (Ending::Invalidate, _) => slot::invalidate(key.as_ref(), NOW).0.after(key),
            (_, Wrong::OneGuardForAll) => None,
            (Ending::Put, Wrong::PutUnasked) => Some(Slot::Filled(held(version))),
            (Ending::Put, Wrong::PutAfterOverlap) => {
                let unmarked = key.map(|slot| match slot {
                    Slot::Guarded(guards) => {
                        Slot::Guarded(Box::new(slot::Guarded { overlapped: false, ..*guards }))
                    }
                    other => other,
                });
                slot::put(unmarked.as_ref(), token, || held(version), NOW).0.after(unmarked)
            }
            (Ending::Put, _) => slot::put(key.as_ref(), token, || held(version), NOW).0.after(key),
            (Ending::End, _) => {
                let (next, verdict) = slot::end(key.as_ref(), token, NOW);
                if wrong == Wrong::LostEndIgnored && verdict == Verdict::Refused {
                    self.key = key;
                    return;
                }
                let mut left = next.after(key);
                if let Some(Slot::Guarded(guarded)) = &mut left
                    && wrong == Wrong::CarriedUntilAnEnd
                {
                    guarded.carried = None;
                }
                left
            }
        };
    }

    fn step_read(&self, read: usize, next: &mut Vec<Self>) {
        let mut go = |at, key: Key| {
            let mut world = Self { key, ..self.clone() };
            world.reads[read] = at;
            next.push(world);
        };
        let lease = token(read as u8);
        match self.reads[read] {
            Read::Idle => go(Read::Asked { floor: self.acknowledged }, self.key.clone()),
            Read::Asked { floor } => {
                let asked = Guard { token: lease, until: LATER };
                let (step, sighting) = slot::look_up(self.key.as_ref(), Some(asked), NOW);
                let key = step.after(self.key.clone());
                match sighting {
                    Sighting::Hit(held) | Sighting::Guarded(Some(held)) => {
                        next.push(self.returned(read, held.value, floor));
                    }
                    Sighting::Lead => go(Read::Loading { floor, leads: true }, key),
                    // Who is tired of waiting loads and fills nothing.
                    Sighting::Busy | Sighting::Absent | Sighting::Guarded(None) => {
                        go(Read::Loading { floor, leads: false }, key);
                    }
                }
                // Redis does not tell a reader that one guard of several has run out.
                if let Some(Slot::Guarded(guarded)) = &self.key
                    && guarded.guards.iter().any(|guard| guard.until > NOW)
                {
                    let carried = guarded.carried.iter();
                    next.extend(carried.map(|held| self.returned(read, held.value, floor)));
                }
            }
            Read::Loading { floor, leads: true } => {
                go(Read::Filling { floor, value: self.source }, self.key.clone());
            }
            Read::Loading { floor, leads: false } => next.push(self.returned(read, self.source, floor)),
            Read::Filling { floor, value } => {
                let step = slot::fill(self.key.as_ref(), Permit::Lease(lease), || held(value), NOW).0;
                let world = self.returned(read, value, floor);
                next.push(Self { key: step.after(self.key.clone()), ..world });
            }
            Read::Done => {}
        }
    }

    fn returned(&self, read: usize, value: Version, floor: Version) -> Self {
        let mut world = Self { stale_read: self.stale_read || value < floor, ..self.clone() };
        world.reads[read] = Read::Done;
        world
    }

    fn breaks_a_promise(&self) -> bool {
        self.stale_read || self.is_stale_for_good()
    }

    /// Whether what is stored is old, and nobody is left who would remove it.
    fn is_stale_for_good(&self) -> bool {
        let quiet = self.writers.iter().all(|writer| match writer.at {
            WriterAt::Idle | WriterAt::Done => true,
            WriterAt::Crashed { .. } => writer.ran_out,
            WriterAt::Guarded { .. } | WriterAt::Committed { .. } | WriterAt::Ended { .. } => false,
        });
        quiet && matches!(&self.key, Some(Slot::Filled(held)) if held.value != self.source)
    }
}

fn guard_of(writer: usize) -> Token {
    token(100 + writer as u8)
}

fn search(faults: Faults, wrong: Wrong, breaks: fn(&World) -> bool) -> Outcome {
    explore(World::new(), |world| world.next(faults, wrong), breaks)
}

#[test]
fn guards_keep_every_promise_within_their_premises() {
    assert_kept("within the premises", WITHIN_PREMISES, World::breaks_a_promise);
}

#[test]
fn a_guard_that_runs_out_early_breaks_nothing_as_long_as_its_writer_lives() {
    let faults = Faults { evictions: 0, crashes: false, early_expiries: true };
    assert_kept("with early expiries and no crashes", faults, World::breaks_a_promise);
}

#[test]
fn no_guard_that_runs_out_early_breaks_the_first_promise() {
    let faults = Faults { evictions: 0, crashes: true, early_expiries: true };
    assert_kept("with early expiries and crashes, for P1", faults, |world| world.stale_read);
}

fn assert_kept(name: &str, faults: Faults, breaks: fn(&World) -> bool) {
    let outcome = search(faults, Wrong::No, breaks);
    println!("guards {name}: {outcome:?}");
    let Outcome::Kept { worlds } = outcome else { panic!("{name}: {outcome:?}") };
    assert!(worlds > 10_000, "only {worlds}: the search does not search");
}

#[test]
fn the_search_finds_out_wrong_guards() {
    let early = Faults { early_expiries: true, ..WITHIN_PREMISES };
    let alive = Faults { crashes: false, ..early };
    for (faults, wrong) in [
        (WITHIN_PREMISES, Wrong::UnguardedCrash),
        (WITHIN_PREMISES, Wrong::OneGuardForAll),
        (WITHIN_PREMISES, Wrong::PutUnasked),
        (WITHIN_PREMISES, Wrong::PutAfterOverlap),
        (WITHIN_PREMISES, Wrong::OverlapUnmarked),
        (WITHIN_PREMISES, Wrong::CarriedKept),
        (WITHIN_PREMISES, Wrong::CarriedUntilAnEnd),
        (WITHIN_PREMISES, Wrong::InvalidationUnlinks),
        (alive, Wrong::LostEndIgnored),
        // Nothing is wrong here but the premise.
        (early, Wrong::No),
    ] {
        let outcome = search(faults, wrong, World::breaks_a_promise);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {wrong:?}") };
        println!("guards: {wrong:?} is found out after {steps} steps");
    }
}
