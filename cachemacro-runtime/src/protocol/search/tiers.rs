//! One process that keeps a value in front of a store, two reads in it, and a writer elsewhere or here.
//!
//! - P2: a read never returns a value from before a commit whose invalidation was acknowledged at least
//!   [`DELTA`] before it began.
//! - P1 in the process that invalidates: nor one from before a commit whose invalidation was acknowledged
//!   in it.
//!
//! Changes are told on a connection of their own, in turns of the server: the answers of a turn leave it
//! before what was changed in it, and on this connection neither is received before the turn has ended. All
//! other connections overtake that: a writer may be told that it is done in the middle of the turn (a Redis
//! that runs a long script does so), and so are lookups. The connection is cut, known or unknown to the process; the server is cut off
//! from the majority, and answers what names no key; it restarts with an empty memory. A guard that its
//! writer has left behind runs out, and nothing is told of it. Where a server does not tell of changes, those who
//! write publish what they invalidate and guard.

mod searches;
mod wire;
mod writers;

use super::Version;
use crate::protocol::coherence::{Link, Ticket};

/// How old what is served may be.
const DELTA: u8 = 1;
const READS: usize = 2;
const WRITERS: usize = 2;

/// The writer elsewhere, and the one in the process that reads.
const ELSEWHERE: usize = 0;
const HERE: usize = 1;

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    No,
    /// One heartbeat confirms.
    SingleBarrier,
    /// Heartbeats name no key, so that a server without a majority answers them.
    KeylessHeartbeat,
    /// What was told since the lookup was sent is not asked.
    NoTicket,
    /// The ticket does not name the epoch.
    TicketWithoutEpoch,
    /// What a body returns is kept.
    BodyKept,
    /// A connection that comes back goes on where the last one ended.
    EpochKept,
    /// What guards carry is kept.
    CarriedKept,
    /// An invalidation in this process does not take tickets away.
    LocalNotNoted,
    /// The link's state is read after what is kept.
    LinkReadLast,
    /// Nobody asks when it was confirmed.
    NeverExpires,
    /// Writers tell of what was there alone.
    PublishedIfThere,
    /// Writers tell of the end of a guard alone.
    BeginNotPublished,
}

/// What may go wrong in the world.
#[derive(Clone, Copy)]
struct Faults {
    /// How often the connection is lost, or the server cut off.
    losses: u8,
    restarts: u8,
    flushes: u8,
    evictions: u8,
    /// When time stands still; it begins at [`DELTA`].
    end: u8,
    /// Which writers there are.
    writers: &'static [usize],
    /// Whether the writer elsewhere guards, and may crash.
    guards: bool,
    /// Whether it is the writers who tell, of what they invalidate and guard, and of nothing else.
    is_published: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    now: u8,
    source: Version,
    /// When each version was acknowledged.
    acknowledged: [Option<u8>; WRITERS + 1],
    /// The latest version that was acknowledged here.
    acknowledged_here: Version,
    stored: Stored,
    wire: Wire,
    /// What the server has still to send at the end of its turn: answers first.
    answered: bool,
    told: bool,
    /// What is on its way to the process, in order.
    on_the_way: Vec<Message>,
    beat: Beat,
    link: Link<u8>,
    generation: u64,
    /// What is kept: a version, and its epoch.
    kept: Option<(Version, u64)>,
    reads: [Read; READS],
    writers: [Writer; WRITERS],
    losses: u8,
    restarts: u8,
    flushes: u8,
    evictions: u8,
    stale_read: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stored {
    Absent,
    Value(Version),
    Guarded(Option<Version>),
}

/// The connection on which changes are told.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Wire {
    Up,
    /// It is gone, and the process does not know.
    HalfOpen,
    /// The server is cut off: what changes does so elsewhere.
    Minority,
    /// The process knows.
    Down,
    /// The server tells of changes again, and the process does not know yet.
    Tracked,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Message {
    Changed,
    Flushed,
    Answer,
}

/// The heartbeat under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Beat {
    Idle,
    Sent { at: u8, is_second: bool },
    Answered { at: u8, is_second: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Read {
    Idle,
    /// It knows what epoch may be served, and has not looked yet.
    Begun {
        floor: Version,
        serves: Option<u64>,
    },
    /// It holds what was kept, before it knows the link's state: the wrong way round.
    Holds {
        floor: Version,
        kept: Option<(Version, u64)>,
        oldest: Option<u8>,
    },
    Asked {
        floor: Version,
        ticket: Ticket,
    },
    Told {
        floor: Version,
        ticket: Ticket,
        found: Stored,
    },
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    Idle,
    Guarded,
    Committed {
        version: Version,
        guarded: bool,
    },
    /// The invalidation took effect.
    Invalidated {
        version: Version,
    },
    /// The same is noted in the process of the writer.
    Noted {
        version: Version,
    },
    Crashed {
        version: Version,
    },
    Done,
}

impl World {
    fn new() -> Self {
        Self {
            now: DELTA,
            source: 0,
            acknowledged: [Some(0), None, None],
            acknowledged_here: 0,
            stored: Stored::Value(0),
            wire: Wire::Up,
            answered: false,
            told: false,
            on_the_way: Vec::new(),
            beat: Beat::Idle,
            link: Link::CLOSED.open(),
            generation: 1,
            kept: None,
            reads: [Read::Idle; READS],
            writers: [Writer::Idle; WRITERS],
            losses: 0,
            restarts: 0,
            flushes: 0,
            evictions: 0,
            stale_read: false,
        }
    }

    fn next(&self, faults: Faults, wrong: Wrong) -> Vec<Self> {
        let mut next = Vec::new();
        let mut go = |step: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            step(&mut world);
            world.forget_what_is_over();
            if world != *self {
                next.push(world);
            }
        };
        if self.now < faults.end {
            go(&|world| world.now += 1);
        }
        self.step_server(faults, &mut go);
        self.step_link(faults, wrong, &mut go);
        for read in 0..READS {
            if self.reads[..read].iter().all(|before| *before != Read::Idle) {
                go(&|world| world.step_read(read, wrong));
            }
        }
        for &writer in faults.writers {
            go(&|world| world.step_writer(writer, faults, wrong));
            if faults.guards && matches!(self.writers[writer], Writer::Committed { guarded: true, .. }) {
                go(&|world| world.crash(writer));
            }
        }
        next
    }

    /// The server's own steps, and those of other processes that read.
    fn step_server(&self, faults: Faults, go: &mut impl FnMut(&dyn Fn(&mut Self))) {
        if self.answered || self.told {
            go(&Self::end_turn);
        }
        // Somebody leads a load, whose value is stored.
        if self.stored == Stored::Absent {
            go(&|world| world.store(Stored::Value(world.source), faults));
        }
        if self.evictions < faults.evictions && matches!(self.stored, Stored::Value(_)) {
            go(&|world| {
                world.evictions += 1;
                world.store(Stored::Absent, faults);
            });
        }
        if self.restarts < faults.restarts {
            go(&|world| {
                world.restarts += 1;
                world.stored = Stored::Absent;
                world.lose(Wire::HalfOpen);
            });
        }
        if self.flushes < faults.flushes {
            go(&|world| {
                world.flushes += 1;
                world.stored = Stored::Absent;
                if world.wire == Wire::Up && !faults.is_published {
                    world.on_the_way.push(Message::Flushed);
                }
            });
        }
        if let Writer::Crashed { version } = self.writers[ELSEWHERE] {
            go(&|world| {
                world.writers[ELSEWHERE] = Writer::Done;
                if matches!(world.stored, Stored::Guarded(_)) {
                    world.stored = Stored::Absent;
                }
                world.acknowledged[usize::from(version)] = Some(world.now);
            });
        }
    }

    /// Changes what is stored, and where the server tells of changes, it does.
    fn store(&mut self, stored: Stored, faults: Faults) {
        self.stored = stored;
        if !faults.is_published {
            self.tell();
        }
    }

    /// Tells of a change, unless nobody is there who would be told.
    fn tell(&mut self) {
        self.told |= matches!(self.wire, Wire::Up | Wire::Tracked);
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.kept = None;
    }

    /// Makes worlds equal that differ in nothing which is still to matter: times that are over, and the
    /// numbers of generations that are.
    fn forget_what_is_over(&mut self) {
        let oldest = self.now - DELTA;
        for at in self.acknowledged.iter_mut().flatten() {
            *at = if *at <= oldest { 0 } else { *at };
        }
        self.link.confirmed = self.link.confirmed.filter(|at| *at > oldest);
        if let Beat::Sent { at, .. } | Beat::Answered { at, .. } = &mut self.beat {
            *at = if *at <= oldest { 0 } else { *at };
        }
        for read in &mut self.reads {
            if let Read::Asked { ticket, .. } | Read::Told { ticket, .. } = read {
                let stands = ticket.generation == self.generation;
                ticket.generation = if stands { 1 } else { 0 };
            }
        }
        self.generation = 1;
    }

    fn keep(&mut self, version: Version, ticket: Ticket, wrong: Wrong) {
        let Link { epoch, .. } = self.link;
        match wrong {
            Wrong::NoTicket if ticket.epoch == epoch => self.kept = Some((version, epoch)),
            Wrong::TicketWithoutEpoch if ticket.generation == self.generation => {
                self.kept = Some((version, epoch));
            }
            _ if ticket.stands(epoch, self.generation) => self.kept = Some((version, ticket.epoch)),
            _ => {}
        }
    }

    fn step_read(&mut self, read: usize, wrong: Wrong) {
        self.reads[read] = match self.reads[read] {
            Read::Idle => {
                let (floor, oldest) = (self.floor(), self.now.checked_sub(DELTA));
                match wrong {
                    Wrong::LinkReadLast => Read::Holds { floor, kept: self.kept, oldest },
                    _ => Read::Begun { floor, serves: self.serves(oldest, wrong) },
                }
            }
            Read::Begun { floor, serves } => self.look(floor, self.kept, serves),
            Read::Holds { floor, kept, oldest } => {
                let serves = self.serves(oldest, wrong);
                self.look(floor, kept, serves)
            }
            Read::Asked { floor, ticket } => Read::Told { floor, ticket, found: self.stored },
            Read::Told { floor, ticket, found } => {
                let returned = match found {
                    Stored::Value(version) => {
                        self.keep(version, ticket, wrong);
                        version
                    }
                    Stored::Guarded(Some(version)) => {
                        if wrong == Wrong::CarriedKept {
                            self.keep(version, ticket, wrong);
                        }
                        version
                    }
                    // It loads, without a lease: what it leads is stored in a step of its own.
                    Stored::Absent | Stored::Guarded(None) => {
                        if wrong == Wrong::BodyKept {
                            self.keep(self.source, ticket, wrong);
                        }
                        self.source
                    }
                };
                self.stale_read |= returned < floor;
                Read::Done
            }
            Read::Done => Read::Done,
        };
    }

    /// What epoch may be served now.
    fn serves(&self, oldest: Option<u8>, wrong: Wrong) -> Option<u64> {
        let Link { epoch, .. } = self.link;
        (wrong == Wrong::NeverExpires || self.link.serves(epoch, oldest)).then_some(epoch)
    }

    fn look(&mut self, floor: Version, kept: Option<(Version, u64)>, serves: Option<u64>) -> Read {
        match kept {
            Some((version, epoch)) if serves == Some(epoch) => {
                self.stale_read |= version < floor;
                Read::Done
            }
            _ => {
                let ticket = Ticket { epoch: self.link.epoch, generation: self.generation };
                Read::Asked { floor, ticket }
            }
        }
    }

    /// The oldest version that a read which begins now may return.
    fn floor(&self) -> Version {
        let known = |at: &Option<u8>| at.is_some_and(|at| at + DELTA <= self.now);
        let known = self.acknowledged.iter().rposition(known).unwrap_or_default();
        self.acknowledged_here.max(known as Version)
    }
}
