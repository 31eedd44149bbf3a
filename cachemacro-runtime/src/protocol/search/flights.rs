//! Every interleaving of a small world: two processes, three reads, two writes of one key.
//!
//! Leaders are dropped at any time, and what is stored is evicted.
//!
//! The promise: a read that begins after an invalidation was acknowledged never returns a value that
//! was loaded before it.

use super::{Key, LATER, NOW, Outcome, Version, explore, held, token};
use crate::protocol::flight::{Ending, Flight, Progress};
use crate::protocol::slot::{self, Guard, Sighting, Slot};
use crate::protocol::token::{Permit, Verdict};

const PROCESSES: usize = 2;
const READS: usize = 3;
const WRITES: usize = 2;

/// Which process each read runs in: two share one, so that flights have more than a leader.
const HOME: [usize; READS] = [0, 0, 1];

/// The number of a lease's token.
type Number = u8;

/// What may go wrong in the world, and how often.
#[derive(Clone, Copy)]
struct Faults {
    evictions: u8,
    drops: u8,
}

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    No,
    /// A fill is a plain set.
    FillUnasked,
    /// All reads of a process lease under one token.
    TokenPerProcess,
    /// All who wait take the leader's value, whatever became of its fill.
    RefusedIsShared,
    /// All who wait take a hit.
    HitIsShared,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    /// What the source has committed.
    source: Version,
    /// The highest version whose invalidation was acknowledged.
    acknowledged: Version,
    key: Key,
    tokens: Number,
    evictions: u8,
    drops: u8,
    flights: [Option<Flight<usize>>; PROCESSES],
    reads: [Read; READS],
    writes: [Write; WRITES],
    /// The fill of a leader that was dropped: it takes effect at any time, or never.
    stray: Option<(Number, Version)>,
}

/// What the store answers to a lookup.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Found {
    Hit(Version),
    Lead,
    Busy,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Read {
    /// What it must at least return: what was acknowledged when it began.
    floor: Version,
    at: ReadAt,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ReadAt {
    Idle,
    Waiting,
    /// It leads, with a lease that was handed on to it, if there was one.
    Leading {
        lease: Option<Number>,
    },
    Looking {
        token: Number,
    },
    /// The store has answered.
    Found {
        token: Number,
        found: Found,
    },
    Loading {
        lease: Option<Number>,
    },
    Loaded {
        lease: Option<Number>,
        value: Version,
    },
    Filling {
        lease: Number,
        value: Version,
    },
    Judged {
        value: Version,
        accepted: bool,
    },
    Done {
        value: Version,
    },
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Write {
    Idle,
    Committed {
        version: Version,
    },
    /// The invalidation has taken effect; its answer is on its way.
    Invalidated {
        version: Version,
    },
    Done,
}

impl World {
    fn new() -> Self {
        Self {
            source: 0,
            acknowledged: 0,
            key: None,
            tokens: 0,
            evictions: 0,
            drops: 0,
            flights: [None, None],
            reads: [Read { floor: 0, at: ReadAt::Idle }; READS],
            writes: [Write::Idle; WRITES],
            stray: None,
        }
    }

    /// All worlds that are one step away.
    fn next(&self, faults: Faults, wrong: Wrong) -> Vec<Self> {
        let mut next = Vec::new();
        for write in 0..WRITES {
            // Writes are alike, so the first begins first; and so with the reads of one process.
            if self.writes[..write].iter().all(|before| *before != Write::Idle) {
                next.extend(self.step_write(write));
            }
        }
        for (read, home) in HOME.iter().enumerate() {
            let alike = self.reads[..read].iter().zip(HOME).filter(|(_, before)| before == home);
            if alike.into_iter().any(|(before, _)| before.at == ReadAt::Idle) {
                continue;
            }
            next.push(self.step_read(read, wrong));
            if self.drops < faults.drops {
                next.push(self.drop_read(read, wrong));
            }
        }
        if self.evictions < faults.evictions && self.key.is_some() {
            next.push(Self { key: None, evictions: self.evictions + 1, ..self.clone() });
        }
        if let Some((lease, value)) = self.stray {
            let mut world = Self { stray: None, ..self.clone() };
            world.fill(lease, value, wrong);
            next.push(world);
        }
        next.retain(|world| world != self);
        next
    }

    fn step_write(&self, write: usize) -> Option<Self> {
        let mut world = self.clone();
        world.writes[write] = match self.writes[write] {
            Write::Idle => {
                world.source += 1;
                Write::Committed { version: world.source }
            }
            Write::Committed { version } => {
                world.key = slot::invalidate(world.key.as_ref(), NOW).0.after(world.key.take());
                Write::Invalidated { version }
            }
            Write::Invalidated { version } => {
                world.acknowledged = world.acknowledged.max(version);
                Write::Done
            }
            Write::Done => return None,
        };
        Some(world)
    }

    fn step_read(&self, read: usize, wrong: Wrong) -> Self {
        let mut world = self.clone();
        let home = HOME[read];
        let at = match self.reads[read].at {
            ReadAt::Idle => {
                world.reads[read].floor = world.acknowledged;
                match &mut world.flights[home] {
                    Some(flight) => {
                        flight.join(read);
                        ReadAt::Waiting
                    }
                    none => {
                        *none = Some(Flight::new());
                        ReadAt::Leading { lease: None }
                    }
                }
            }
            ReadAt::Leading { lease: Some(lease) } => {
                world.progress(home, Progress::LoadStarted);
                ReadAt::Loading { lease: Some(lease) }
            }
            ReadAt::Leading { lease: None } => {
                world.progress(home, Progress::LookupSent);
                world.tokens += 1;
                let token = if wrong == Wrong::TokenPerProcess { home as Number } else { world.tokens };
                ReadAt::Looking { token }
            }
            ReadAt::Looking { token } => {
                let found = world.look_up(token);
                ReadAt::Found { token, found }
            }
            ReadAt::Found { found: Found::Hit(value), .. } => {
                return world.land(read, Ending::Hit, Some(value), wrong);
            }
            ReadAt::Found { token, found: Found::Lead } => {
                world.progress(home, Progress::LoadStarted);
                ReadAt::Loading { lease: Some(token) }
            }
            // Somebody else's lease: it asks again, under a token that no lease was ever held under.
            ReadAt::Found { token, found: Found::Busy } => {
                world.progress(home, Progress::LookupSent);
                ReadAt::Looking { token }
            }
            ReadAt::Loading { lease } => ReadAt::Loaded { lease, value: world.source },
            ReadAt::Loaded { lease: Some(lease), value } => {
                world.progress(home, Progress::SettleSent);
                ReadAt::Filling { lease, value }
            }
            ReadAt::Loaded { lease: None, value } => {
                return world.land(read, Ending::Unsettled, Some(value), wrong);
            }
            ReadAt::Filling { lease, value } => {
                let accepted = world.fill(lease, value, wrong);
                ReadAt::Judged { value, accepted }
            }
            ReadAt::Judged { value, accepted } => {
                let ending = if accepted { Ending::Settled } else { Ending::Unsettled };
                return world.land(read, ending, Some(value), wrong);
            }
            at @ (ReadAt::Waiting | ReadAt::Done { .. } | ReadAt::Gone) => at,
        };
        world.reads[read].at = at;
        world
    }

    fn look_up(&mut self, number: Number) -> Found {
        let lease = Guard { token: token(number), until: LATER };
        let (next, sighting) = slot::look_up(self.key.as_ref(), Some(lease), NOW);
        self.key = next.after(self.key.take());
        match sighting {
            Sighting::Hit(held) => Found::Hit(held.value),
            Sighting::Lead => Found::Lead,
            Sighting::Busy => Found::Busy,
            Sighting::Absent | Sighting::Guarded(_) => {
                unreachable!("it asks for a lease, and no writer guards")
            }
        }
    }

    fn fill(&mut self, lease: Number, value: Version, wrong: Wrong) -> bool {
        if wrong == Wrong::FillUnasked {
            self.key = Some(Slot::Filled(held(value)));
            return true;
        }
        let permit = Permit::Lease(token(lease));
        let (next, verdict) = slot::fill(self.key.as_ref(), permit, || held(value), NOW);
        self.key = next.after(self.key.take());
        verdict == Verdict::Accepted
    }

    /// Drops a leader. A fill that it sent may still take effect.
    fn drop_read(&self, read: usize, wrong: Wrong) -> Self {
        let mut world = self.clone();
        if matches!(self.reads[read].at, ReadAt::Idle | ReadAt::Waiting | ReadAt::Done { .. } | ReadAt::Gone)
        {
            return world;
        }
        world.drops += 1;
        if let ReadAt::Filling { lease, value } = self.reads[read].at {
            world.stray = Some((lease, value));
        }
        world.land(read, Ending::LeaderGone, None, wrong)
    }

    fn progress(&mut self, home: usize, progress: Progress) {
        if let Some(flight) = &mut self.flights[home] {
            flight.progress(progress);
        }
    }

    /// Ends the flight that a read leads.
    fn land(mut self, read: usize, ending: Ending, value: Option<Version>, wrong: Wrong) -> Self {
        let home = HOME[read];
        // The lease of a fill that was sent is released behind it, on the same connection: it is the stray's.
        let lease = match self.reads[read].at {
            ReadAt::Leading { lease } | ReadAt::Loading { lease } | ReadAt::Loaded { lease, .. } => lease,
            ReadAt::Found { token, found: Found::Lead } | ReadAt::Looking { token } => Some(token),
            _ => None,
        };
        self.reads[read].at = value.map_or(ReadAt::Gone, |value| ReadAt::Done { value });
        let Some(mut flight) = self.flights[home].take() else { return self };
        let untouched = flight.lease_is_untouched();
        let mut landing = flight.end(ending);
        let shares_all = match ending {
            Ending::Unsettled => wrong == Wrong::RefusedIsShared,
            Ending::Hit => wrong == Wrong::HitIsShared,
            _ => false,
        };
        if shares_all {
            while let Some(waiter) = landing.promote.take() {
                landing.deliver.push(waiter);
                landing.promote = flight.end(Ending::Unshared).promote;
            }
        }
        for waiter in landing.deliver {
            if let Some(value) = value {
                self.reads[waiter].at = ReadAt::Done { value };
            }
        }
        let handed_on = lease.filter(|_| untouched && ending == Ending::LeaderGone);
        match landing.promote {
            Some(waiter) => {
                self.reads[waiter].at = ReadAt::Leading { lease: handed_on };
                self.flights[home] = Some(flight);
            }
            None => self.release(lease),
        }
        if handed_on.is_none() {
            self.release(lease);
        }
        self
    }

    fn release(&mut self, lease: Option<Number>) {
        if let Some(lease) = lease {
            self.key = slot::release(self.key.as_ref(), token(lease), NOW).0.after(self.key.take());
        }
    }

    fn breaks_the_promise(&self) -> bool {
        self.reads.iter().any(|read| matches!(read.at, ReadAt::Done { value } if value < read.floor))
    }
}

fn search(faults: Faults, wrong: Wrong) -> Outcome {
    explore(World::new(), |world| world.next(faults, wrong), World::breaks_the_promise)
}

#[test]
fn no_eviction_breaks_the_promise() {
    assert_kept(Faults { evictions: 1, drops: 0 });
}

#[test]
fn no_dropped_leader_breaks_the_promise() {
    assert_kept(Faults { evictions: 0, drops: 1 });
}

fn assert_kept(faults: Faults) {
    let outcome = search(faults, Wrong::No);
    let Faults { evictions, drops } = faults;
    println!("flights with {evictions} evictions and {drops} drops: {outcome:?}");
    let Outcome::Kept { worlds } = outcome else { panic!("{outcome:?}") };
    assert!(worlds > 100_000, "only {worlds}: the search does not search");
}

#[test]
fn the_search_finds_out_what_is_wrong() {
    let faults = Faults { evictions: 1, drops: 1 };
    for (wrong, name) in [
        (Wrong::FillUnasked, "a fill is a plain set"),
        (Wrong::TokenPerProcess, "all reads of a process lease under one token"),
        (Wrong::RefusedIsShared, "all who wait take a refused value"),
        (Wrong::HitIsShared, "all who wait take a hit"),
    ] {
        let outcome = search(faults, wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {name}") };
        println!("flights: {name}: found out after {steps} steps");
    }
}
