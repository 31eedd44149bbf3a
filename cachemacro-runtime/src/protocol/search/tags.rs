//! Writers that invalidate tags, guarded or not, and reads of one value under them.
//!
//! - P1: a read that begins after a tag's invalidation was acknowledged never returns a value from before that
//!   writer's commit.
//! - P3: once every writer has ended, or has crashed and its guards have run out, what is stored and may be served
//!   is what the source holds; and a read that begins then never returns less.
//!
//! In the one kind of world the value has two tags, of a writer each, which are known before its load. In the other
//! it has one that is known only after it, and the epoch of that one. A lookup of the key and those of the tags
//! take effect in any order; the last read may join the flight of another. Keys and tags are evicted, guards are not, and none of a writer that lives runs out before its
//! commit.

mod reads;
mod searches;
mod settings;

use std::time::Duration;

use super::{LATER, NOW, PAST, Time, Version, token};
use crate::protocol::slot::{self, Guard, Held, Next, Slot};
use crate::protocol::tags::Found;
use crate::protocol::token::{Permit, Token};
use settings::{Setting, Wrong, guarded_by, kinds, told_by};

const WRITERS: usize = 2;
const READS: usize = 3;
const TAGS: usize = 2;
/// The places of the two in a world with a tag over the value.
const TAG: usize = 0;
const EPOCH: usize = 1;

/// What is stored: a value, and the versions that it was loaded under.
type Stored = (Version, [Token; TAGS]);

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    source: Version,
    /// The highest version whose writer was told that the old ones are gone.
    acknowledged: Version,
    key: Option<Slot<Stored, Time>>,
    tags: [Option<Slot<(), Time>>; TAGS],
    evictions: u8,
    reads: [Read; READS],
    writers: [Writer; WRITERS],
    stale_read: bool,
}

/// `floor` is what was acknowledged when the read began: it must return that at least.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Read {
    Idle,
    Asked {
        floor: Version,
        again: bool,
        key: Option<OfKey>,
        notes: [Note; TAGS],
    },
    Discarding {
        floor: Version,
        fill_id: Token,
    },
    Loading {
        floor: Version,
        again: bool,
        permit: Option<Permit>,
        versions: [Token; TAGS],
    },
    Loaded {
        floor: Version,
        again: bool,
        permit: Permit,
        value: Version,
        versions: [Token; TAGS],
        notes: [Note; TAGS],
    },
    /// The fill was sent, and the tags are noted once more for who has joined.
    Checking {
        value: Version,
        versions: [Token; TAGS],
        notes: [Note; TAGS],
    },
    Joined {
        floor: Version,
        leader: usize,
        early: bool,
    },
    Done,
}

/// What a lookup of the key has told.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum OfKey {
    Hit(Stored, Token),
    Lead,
    Busy,
}

/// Whether a lookup of a tag is answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Note {
    Sent,
    Told(Found),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Writer {
    at: WriterAt,
    /// How many of its guards have run out, in the order of their beginning.
    ran_out: usize,
}

/// `steps` is how many of its keys it has told.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum WriterAt {
    Idle,
    Guarding {
        steps: usize,
    },
    Committed {
        version: Version,
        steps: usize,
        kind: Kind,
    },
    Done,
    /// It crashed; its commit may be on its way, or was made.
    Crashed {
        commits: bool,
        version: Option<Version>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Guarded,
    Plain,
    /// It invalidates the key itself, and no tag.
    OfKey,
}

const UNSENT: [Note; TAGS] = [Note::Sent; TAGS];

impl World {
    fn new() -> Self {
        Self {
            source: 0,
            acknowledged: 0,
            key: None,
            tags: [None, None],
            evictions: 0,
            reads: [Read::Idle; READS],
            writers: [Writer { at: WriterAt::Idle, ran_out: 0 }; WRITERS],
            stale_read: false,
        }
    }

    /// All worlds that are one step away.
    fn next(&self, setting: Setting) -> Vec<Self> {
        let mut next = Vec::new();
        for writer in 0..setting.writers {
            // Over the value writers are alike, so the first begins first.
            let in_order = self.writers[..writer].iter().all(|before| before.at != WriterAt::Idle);
            if in_order || !setting.over_value {
                self.step_writer(writer, setting, &mut next);
            }
        }
        for read in 0..setting.reads {
            if self.reads[..read].iter().all(|before| *before != Read::Idle) {
                self.step_read(read, setting, &mut next);
            }
        }
        if self.evictions < setting.evictions {
            let evicted = Self { evictions: self.evictions + 1, ..self.clone() };
            if !matches!(self.key, None | Some(Slot::Guarded(_))) {
                next.push(Self { key: None, ..evicted.clone() });
            }
            for tag in 0..TAGS {
                if !matches!(self.tags[tag], None | Some(Slot::Guarded(_))) {
                    let mut world = evicted.clone();
                    world.tags[tag] = None;
                    next.push(world);
                }
            }
        }
        next.retain(|world| world != self);
        next
    }

    fn step_writer(&self, writer: usize, setting: Setting, next: &mut Vec<Self>) {
        let Writer { at, ran_out } = self.writers[writer];
        let wrong = setting.wrong;
        let mut go = |at, step: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            world.writers[writer].at = at;
            step(&mut world);
            next.push(world);
        };
        let commit = |world: &mut Self| world.source += 1;
        let committed = self.source + 1;
        let guarded = guarded_by(writer, setting);
        match at {
            WriterAt::Idle => {
                for kind in kinds(writer, setting) {
                    match kind {
                        Kind::Guarded => go(WriterAt::Guarding { steps: 0 }, &|_| {}),
                        kind => go(WriterAt::Committed { version: committed, steps: 0, kind }, &commit),
                    }
                }
            }
            WriterAt::Guarding { steps } if steps < guarded.len() => {
                let guard = Guard { token: guard_of(writer), until: LATER };
                go(WriterAt::Guarding { steps: steps + 1 }, &|world| {
                    apply(&mut world.tags[guarded[steps]], |slot| slot::begin(slot, guard, NOW).0);
                });
            }
            WriterAt::Guarding { .. } => {
                let kind = Kind::Guarded;
                go(WriterAt::Committed { version: committed, steps: 0, kind }, &commit);
                go(WriterAt::Crashed { commits: true, version: None }, &|_| {});
            }
            WriterAt::Committed { version, steps, kind } => {
                let told = told_by(writer, setting);
                let len = if kind == Kind::OfKey { 1 } else { told.len() };
                if steps == len {
                    return go(WriterAt::Done, &|world| {
                        world.acknowledged = world.acknowledged.max(version);
                    });
                }
                go(WriterAt::Committed { version, steps: steps + 1, kind }, &|world| match kind {
                    Kind::OfKey => apply(&mut world.key, |slot| slot::invalidate(slot, NOW).0),
                    Kind::Guarded => {
                        apply(&mut world.tags[told[steps]], |slot| slot::end(slot, guard_of(writer), NOW).0)
                    }
                    Kind::Plain if wrong == Wrong::CounterThatResets => {
                        count_up(&mut world.tags[told[steps]])
                    }
                    Kind::Plain => {
                        apply(&mut world.tags[told[steps]], |slot| slot::invalidate(slot, NOW).0);
                    }
                });
                if kind == Kind::Guarded || (kind == Kind::Plain && wrong == Wrong::UnguardedCrash) {
                    go(WriterAt::Crashed { commits: false, version: Some(version) }, &|world| {
                        if kind == Kind::Plain {
                            world.writers[writer].ran_out = guarded.len();
                        }
                    });
                }
                if kind == Kind::Guarded && ran_out < guarded.len() {
                    go(at, &|world| world.run_out(writer, guarded[ran_out]));
                }
            }
            WriterAt::Crashed { commits, version } => {
                if commits && ran_out == 0 {
                    go(WriterAt::Crashed { commits: false, version: Some(committed) }, &commit);
                }
                if ran_out < guarded.len() {
                    go(at, &|world| world.run_out(writer, guarded[ran_out]));
                } else {
                    // It stands for an acknowledgement.
                    go(at, &|world| {
                        world.acknowledged = world.acknowledged.max(version.unwrap_or_default());
                    });
                }
            }
            WriterAt::Done => {}
        }
    }

    /// Lets the time of a guard be over.
    fn run_out(&mut self, writer: usize, tag: usize) {
        self.writers[writer].ran_out += 1;
        if let Some(Slot::Guarded(guarded)) = &mut self.tags[tag] {
            for guard in guarded.guards.iter_mut().filter(|guard| guard.token == guard_of(writer)) {
                guard.until = PAST;
            }
        }
    }

    fn returned(&self, read: usize, value: Version, floor: Version) -> Self {
        Self { stale_read: self.stale_read || value < floor, ..self.clone() }.at(read, Read::Done)
    }

    fn breaks_a_promise(&self, setting: Setting) -> bool {
        self.stale_read || self.is_stale_for_good(setting)
    }

    /// Whether what may be served is old, and nobody is left who would prevent it.
    fn is_stale_for_good(&self, setting: Setting) -> bool {
        let quiet = (0..setting.writers).all(|writer| match self.writers[writer].at {
            WriterAt::Idle | WriterAt::Done => true,
            WriterAt::Crashed { .. } => self.writers[writer].ran_out == guarded_by(writer, setting).len(),
            WriterAt::Guarding { .. } | WriterAt::Committed { .. } => false,
        });
        let Some(Slot::Filled(stored)) = &self.key else { return false };
        let (value, versions) = stored.value;
        let mut tags = if setting.over_value { &[TAG][..] } else { &[0, 1] }.iter();
        let is_served = tags.all(|&tag| self.looked_at(tag) == Found::Version(versions[tag]));
        quiet && value != self.source && is_served
    }
}

impl Read {
    /// Whether another read may still join it.
    fn is_open(self) -> bool {
        matches!(
            self,
            Self::Asked { .. } | Self::Discarding { .. } | Self::Loading { .. } | Self::Loaded { .. }
        )
    }
}

fn apply<V>(slot: &mut Option<Slot<V, Time>>, step: impl FnOnce(Option<&Slot<V, Time>>) -> Next<V, Time>) {
    let next = step(slot.as_ref());
    *slot = next.after(slot.take());
}

fn held<V>(value: V, fill_id: Token) -> Held<V, Time> {
    Held { value, fill_id, ttl: Duration::ZERO, until: LATER, filled: LATER, serves_until: LATER, bytes: 1 }
}

/// The phase in which a read notes tags after its load; before it are those of its two tries.
const AFTER: u8 = 2;

/// What a read names, different in each of its phases.
fn own(read: usize, phase: u8, what: usize) -> Token {
    token(10 + 12 * read as u8 + 4 * phase + what as u8)
}

fn guard_of(writer: usize) -> Token {
    token(100 + writer as u8)
}

fn count(number: u8) -> Token {
    token(200 + number)
}

fn count_up(tag: &mut Option<Slot<(), Time>>) {
    let number = match tag {
        Some(Slot::Filled(held)) => held.fill_id.as_bytes()[0] + 1,
        _ => 200,
    };
    *tag = Some(Slot::Filled(held((), token(number))));
}
