//! Every interleaving of a small world: three reads of one key in one process, gathered, and two writes elsewhere.
//!
//! Callers leave at any time, and a batch is driven by nobody who does. Whatever is missing in the store another process
//! may fill, from what the source has committed.
//!
//! The promises: a read that begins after an invalidation was acknowledged never returns a value that was loaded
//! before it; and nobody waits in a batch that nobody drives.

use super::{Outcome, Version, explore};
use crate::protocol::gather::{Gather, Way};

const READS: usize = 3;
const WRITES: usize = 2;

/// How many callers leave.
const LEAVE: u8 = 2;

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    No,
    /// A batch that is under way is joined too.
    SentIsJoined,
    /// Who opened a batch drives it, and leaves.
    OpenerDrives,
    /// A batch that all have left stays open.
    AbandonedStaysOpen,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    source: Version,
    acknowledged: Version,
    stored: Option<Version>,
    gather: Gather<u8>,
    /// Each under its number.
    batches: Vec<Batch>,
    reads: [Read; READS],
    writes: [Write; WRITES],
    left: u8,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Batch {
    at: BatchAt,
    /// Those who wait.
    members: Vec<usize>,
    /// Who opened it.
    opener: usize,
    is_driven: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum BatchAt {
    Open,
    Sent,
    /// The store has answered.
    Read(Option<Version>),
    Over,
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
    /// It asks for itself.
    Asking,
    /// The store has answered it.
    Answered(Option<Version>),
    /// It is in this batch.
    Gathered(u8),
    Done(Option<Version>),
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Write {
    Idle,
    Committed(Version),
    /// The invalidation has taken effect; its answer is on its way.
    Invalidated(Version),
    Done,
}

impl World {
    fn new() -> Self {
        Self {
            source: 0,
            acknowledged: 0,
            stored: Some(0),
            gather: Gather::new(),
            batches: Vec::new(),
            reads: [Read { floor: 0, at: ReadAt::Idle }; READS],
            writes: [Write::Idle; WRITES],
            left: 0,
        }
    }

    /// All worlds that are one step away.
    fn next(&self, wrong: Wrong) -> Vec<Self> {
        let mut next = Vec::new();
        for write in 0..WRITES {
            // Writes are alike, so the first begins first; and so with reads.
            if self.writes[..write].iter().all(|before| *before != Write::Idle) {
                next.extend(self.step_write(write));
            }
        }
        for read in 0..READS {
            if self.reads[..read].iter().all(|before| before.at != ReadAt::Idle) {
                next.extend(self.step_read(read, wrong));
                next.extend(self.leave(read, wrong));
            }
        }
        next.extend((0..self.batches.len()).filter_map(|batch| self.step_batch(batch as u8, wrong)));
        if self.stored.is_none() {
            next.push(Self { stored: Some(self.source), ..self.clone() });
        }
        next
    }

    fn step_write(&self, write: usize) -> Option<Self> {
        let mut world = self.clone();
        world.writes[write] = match self.writes[write] {
            Write::Idle => {
                world.source += 1;
                Write::Committed(world.source)
            }
            Write::Committed(version) => {
                world.stored = None;
                Write::Invalidated(version)
            }
            Write::Invalidated(version) => {
                world.acknowledged = world.acknowledged.max(version);
                Write::Done
            }
            Write::Done => return None,
        };
        Some(world)
    }

    fn step_read(&self, read: usize, wrong: Wrong) -> Option<Self> {
        let mut world = self.clone();
        world.reads[read].at = match self.reads[read].at {
            ReadAt::Idle => {
                world.reads[read].floor = world.acknowledged;
                world.arrive(read, wrong)
            }
            ReadAt::Asking => ReadAt::Answered(world.stored),
            ReadAt::Answered(found) => {
                world.gather.answered(None);
                ReadAt::Done(found)
            }
            ReadAt::Gathered(_) | ReadAt::Done(_) | ReadAt::Gone => return None,
        };
        Some(world)
    }

    fn arrive(&mut self, read: usize, wrong: Wrong) -> ReadAt {
        let under_way = |batch: &Batch| matches!(batch.at, BatchAt::Sent | BatchAt::Read(_));
        if wrong == Wrong::SentIsJoined
            && let Some(batch) = self.batches.iter().position(under_way)
        {
            self.batches[batch].members.push(read);
            return ReadAt::Gathered(batch as u8);
        }
        match self.gather.way() {
            Way::Alone => {
                self.gather.sent(None);
                ReadAt::Asking
            }
            Way::Joins(batch) => {
                self.batches[usize::from(batch)].members.push(read);
                ReadAt::Gathered(batch)
            }
            Way::Opens => {
                let batch = self.batches.len() as u8;
                self.batches.push(Batch {
                    at: BatchAt::Open,
                    members: vec![read],
                    opener: read,
                    is_driven: true,
                });
                self.gather.opened(batch);
                ReadAt::Gathered(batch)
            }
        }
    }

    fn step_batch(&self, number: u8, wrong: Wrong) -> Option<Self> {
        let mut world = self.clone();
        let batch = &mut world.batches[usize::from(number)];
        if !batch.is_driven {
            return None;
        }
        match batch.at {
            BatchAt::Open if batch.members.is_empty() => {
                (batch.at, batch.is_driven) = (BatchAt::Over, false);
                if wrong != Wrong::AbandonedStaysOpen {
                    world.gather.abandoned(&number);
                }
            }
            BatchAt::Open => {
                batch.at = BatchAt::Sent;
                world.gather.sent(Some(&number));
            }
            BatchAt::Sent => batch.at = BatchAt::Read(world.stored),
            BatchAt::Read(found) => {
                batch.at = BatchAt::Over;
                for member in std::mem::take(&mut batch.members) {
                    world.reads[member].at = ReadAt::Done(found);
                }
                world.gather.answered(Some(&number));
            }
            BatchAt::Over => return None,
        }
        Some(world)
    }

    /// Drops a caller.
    fn leave(&self, read: usize, wrong: Wrong) -> Option<Self> {
        let mut world = Self { left: self.left + 1, ..self.clone() };
        if self.left == LEAVE {
            return None;
        }
        match self.reads[read].at {
            ReadAt::Asking | ReadAt::Answered(_) => world.gather.answered(None),
            ReadAt::Gathered(number) => {
                let batch = &mut world.batches[usize::from(number)];
                batch.members.retain(|member| *member != read);
                batch.is_driven &= wrong != Wrong::OpenerDrives || batch.opener != read;
            }
            ReadAt::Idle | ReadAt::Done(_) | ReadAt::Gone => return None,
        }
        world.reads[read].at = ReadAt::Gone;
        Some(world)
    }

    fn breaks_a_promise(&self) -> bool {
        let is_stale = |read: &Read| matches!(read.at, ReadAt::Done(Some(version)) if version < read.floor);
        let is_stranded =
            |batch: &Batch| !batch.members.is_empty() && (batch.at == BatchAt::Over || !batch.is_driven);
        self.reads.iter().any(is_stale) || self.batches.iter().any(is_stranded)
    }
}

fn search(wrong: Wrong) -> Outcome {
    explore(World::new(), |world| world.next(wrong), World::breaks_a_promise)
}

#[test]
fn no_gathered_read_breaks_a_promise() {
    let outcome = search(Wrong::No);
    println!("gathered reads: {outcome:?}");
    let Outcome::Kept { worlds } = outcome else { panic!("{outcome:?}") };
    assert!(worlds > 10_000, "only {worlds}: the search does not search");
}

#[test]
fn the_search_finds_out_what_is_wrong() {
    for (wrong, name) in [
        (Wrong::SentIsJoined, "a batch that is under way is joined too"),
        (Wrong::OpenerDrives, "who opened a batch drives it, and leaves"),
        (Wrong::AbandonedStaysOpen, "a batch that all have left stays open"),
    ] {
        let outcome = search(wrong);
        let Outcome::Broken { steps } = outcome else { panic!("not found out: {name}") };
        println!("gathered reads: {name}: found out after {steps} steps");
    }
}
