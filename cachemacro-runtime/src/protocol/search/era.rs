//! Every interleaving of a small world: reads of one key in two processes, and an invalidation of all.
//!
//! The names are those that are shipped ([`Era`]). A lookup is two requests, for the key and for the era, which take effect
//! in any order; a caller may join a load in its own process until that is stored, and lookups of other keys tell a process
//! of the era at any time. The era is evicted, so are values, and leases run out.
//!
//! The promise: a call that begins after an invalidation of all was acknowledged never returns a value that was loaded
//! before it.

use super::{Outcome, Version, explore, token};
use crate::protocol::era::Era;
use crate::protocol::token::Token;

/// Each is in one of two processes: the first two in the first one.
const READS: usize = 3;
const WRITES: u8 = 1;
/// How often something is evicted or runs out. With it, a debug build takes a minute more.
const LOSSES: u8 = if cfg!(debug_assertions) { 0 } else { 1 };

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    No,
    /// A value is of the era that is known once it was loaded.
    ReadAfterLoad,
    /// What is found is served, whatever era it is of.
    NotAsked,
    /// What is found is judged by the era that the process has known before.
    JudgedByTheKnown,
    /// What was stored goes to all who have joined, whatever has become of the era.
    SharedUnchecked,
    /// An era is a number, which begins again where one was lost.
    NumberThatResets,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    source: Version,
    acknowledged: Version,
    /// Whether an invalidation of what the source has committed is still to be sent.
    is_pending: bool,
    stored: Stored,
    era: Option<u8>,
    /// How many eras were named.
    named: u8,
    known: [u8; 2],
    reads: [Read; READS],
    losses: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stored {
    Nothing,
    Lease(Token),
    Value(Token, Version),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Read {
    /// What was acknowledged when it began.
    floor: Version,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// It has both requests to send.
    Again,
    /// Both are on their way, with a lease of this name.
    Asking {
        lease: Token,
        key: Option<Stored>,
        told: Option<u8>,
    },
    Leads {
        lease: Token,
    },
    Loaded {
        lease: Token,
        version: Version,
    },
    /// It was stored, and the era is asked for once more.
    Stored {
        lease: Token,
        version: Version,
    },
    /// It waits for another call in its process, and perhaps came before the load began.
    Joined {
        leader: usize,
        is_early: bool,
    },
    Over(Version),
}

fn process(read: usize) -> usize {
    read / 2
}

/// The number is of one era, the rest of one call.
fn named(era: u8, read: usize) -> Token {
    Era::from_bits(u64::from(era)).name(token(read as u8))
}

fn serves(era: u8, fill: Token) -> bool {
    Era::from_bits(u64::from(era)).serves(fill)
}

impl World {
    fn new() -> Self {
        Self {
            source: 0,
            acknowledged: 0,
            is_pending: false,
            stored: Stored::Nothing,
            era: None,
            named: 0,
            known: [0; 2],
            reads: [Read { floor: 0, at: At::Idle }; READS],
            losses: 0,
        }
    }

    fn next(&self, wrong: Wrong) -> Vec<Self> {
        let mut worlds = self.writes();
        worlds.extend(self.losses());
        worlds.extend((0..self.known.len()).map(|process| {
            let mut world = self.clone();
            world.known[process] = world.ask(wrong);
            world
        }));
        for read in 0..READS {
            worlds.extend(self.steps(read, wrong));
        }
        worlds
    }

    /// A writer commits; its invalidation removes the name of the era, and is acknowledged.
    fn writes(&self) -> Vec<Self> {
        if self.is_pending {
            let gone = Self { era: None, is_pending: false, acknowledged: self.source, ..self.clone() };
            return vec![gone];
        }
        if self.source == WRITES {
            return Vec::new();
        }
        vec![Self { source: self.source + 1, is_pending: true, ..self.clone() }]
    }

    fn losses(&self) -> Vec<Self> {
        if self.losses == LOSSES {
            return Vec::new();
        }
        let losses = self.losses + 1;
        let mut worlds = Vec::new();
        if self.stored != Stored::Nothing {
            worlds.push(Self { stored: Stored::Nothing, losses, ..self.clone() });
        }
        if self.era.is_some() {
            worlds.push(Self { era: None, losses, ..self.clone() });
        }
        worlds
    }

    fn steps(&self, read: usize, wrong: Wrong) -> Vec<Self> {
        let mut world = self.clone();
        let own = process(read);
        match self.reads[read].at {
            At::Idle => {
                world.reads[read] = Read { floor: self.acknowledged, at: At::Again };
                let leader = (0..READS).find(|other| process(*other) == own && self.can_be_joined(*other));
                return match leader {
                    Some(leader) => {
                        let is_early = !matches!(self.reads[leader].at, At::Loaded { .. });
                        world.reads[read].at = At::Joined { leader, is_early };
                        vec![world]
                    }
                    None => vec![world],
                };
            }
            At::Again => {
                // Another call may have come first.
                if (0..READS).any(|other| process(other) == own && self.is_in_flight(other)) {
                    return Vec::new();
                }
                let lease = named(self.known[own], read);
                world.reads[read].at = At::Asking { lease, key: None, told: None };
            }
            At::Asking { lease, key: Some(found), told: Some(told) } => {
                return vec![world.answered(read, lease, found, told, wrong)];
            }
            At::Asking { lease, key, told } => {
                let mut worlds = Vec::new();
                if key.is_none() {
                    let mut world = self.clone();
                    let found = match self.stored {
                        Stored::Nothing => {
                            world.stored = Stored::Lease(lease);
                            Stored::Lease(lease)
                        }
                        stored => stored,
                    };
                    world.reads[read].at = At::Asking { lease, key: Some(found), told };
                    worlds.push(world);
                }
                if told.is_none() {
                    let told = Some(world.ask(wrong));
                    world.reads[read].at = At::Asking { lease, key, told };
                    worlds.push(world);
                }
                return worlds;
            }
            At::Leads { lease } => world.reads[read].at = At::Loaded { lease, version: self.source },
            At::Loaded { lease, version } => {
                let is_held = self.stored == Stored::Lease(lease);
                if is_held {
                    let of_fill = match wrong {
                        Wrong::ReadAfterLoad => named(self.known[own], read),
                        _ => lease,
                    };
                    world.stored = Stored::Value(of_fill, version);
                    world.reads[read].at = At::Stored { lease, version };
                } else {
                    world.land(read, version, false);
                }
            }
            At::Stored { lease, version } => {
                let told = world.ask(wrong);
                world.known[own] = told;
                world.land(read, version, serves(told, lease) || wrong == Wrong::SharedUnchecked);
            }
            At::Joined { .. } | At::Over(_) => return Vec::new(),
        }
        vec![world]
    }

    /// The era that the store has; one is named if there is none.
    fn ask(&mut self, wrong: Wrong) -> u8 {
        if self.era.is_none() {
            self.named = if wrong == Wrong::NumberThatResets { 1 } else { self.named + 1 };
            self.era = Some(self.named);
        }
        self.era.expect("it was named")
    }

    /// What both answers come to.
    fn answered(mut self, read: usize, lease: Token, found: Stored, told: u8, wrong: Wrong) -> Self {
        let known = std::mem::replace(&mut self.known[process(read)], told);
        let era = if wrong == Wrong::JudgedByTheKnown { known } else { told };
        match found {
            Stored::Value(fill, version) if serves(era, fill) || wrong == Wrong::NotAsked => {
                self.reads[read].at = At::Over(version);
            }
            Stored::Value(fill, version) => {
                // Of this fill alone.
                if self.stored == Stored::Value(fill, version) {
                    self.stored = Stored::Nothing;
                }
                self.reads[read].at = At::Again;
            }
            Stored::Lease(held) if held == lease && serves(told, lease) => {
                self.reads[read].at = At::Leads { lease };
            }
            Stored::Lease(held) => {
                if held == lease && self.stored == Stored::Lease(lease) {
                    self.stored = Stored::Nothing;
                }
                self.reads[read].at = At::Again;
            }
            Stored::Nothing => unreachable!("a lease was asked for"),
        }
        self
    }

    /// Ends a load: who joined takes its value if it is proven fresh, or if it came before the load began.
    fn land(&mut self, leader: usize, version: Version, is_proven: bool) {
        self.reads[leader].at = At::Over(version);
        for read in &mut self.reads {
            if let At::Joined { leader: joined, is_early } = read.at
                && joined == leader
            {
                read.at = if is_proven || is_early { At::Over(version) } else { At::Again };
            }
        }
    }

    fn is_in_flight(&self, read: usize) -> bool {
        matches!(
            self.reads[read].at,
            At::Asking { .. } | At::Leads { .. } | At::Loaded { .. } | At::Stored { .. }
        )
    }

    /// Whether one who comes now waits for what this call loads.
    fn can_be_joined(&self, read: usize) -> bool {
        matches!(self.reads[read].at, At::Leads { .. } | At::Loaded { .. })
    }

    fn breaks_a_promise(&self) -> bool {
        self.reads.iter().any(|read| matches!(read.at, At::Over(version) if version < read.floor))
    }
}

fn search(wrong: Wrong) -> Outcome {
    explore(World::new(), |world| world.next(wrong), World::breaks_a_promise)
}

#[test]
fn no_invalidation_of_all_breaks_a_promise() {
    let outcome = search(Wrong::No);
    println!("eras: {outcome:?}");
    let Outcome::Kept { worlds } = outcome else { panic!("{outcome:?}") };
    assert!(worlds > 10_000, "only {worlds}: the search does not search");
}

#[test]
fn the_search_finds_out_what_is_wrong() {
    for (wrong, name) in [
        (Wrong::ReadAfterLoad, "a value is of the era that is known once it was loaded"),
        (Wrong::NotAsked, "what is found is served, whatever era it is of"),
        (Wrong::JudgedByTheKnown, "what is found is judged by the era that was known before"),
        (Wrong::SharedUnchecked, "what was stored is shared, whatever has become of the era"),
        (Wrong::NumberThatResets, "an era is a number, which begins again"),
    ] {
        let outcome = search(wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {name}") };
        println!("eras: {name}: found out after {steps} steps");
    }
}
