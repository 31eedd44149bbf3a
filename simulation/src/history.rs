//! What happened, seen from outside the engine: calls, commits, bodies and faults, in one order.
//!
//! The source is in here too: a version for each key, which a commit raises at one instant.

use crate::plan::{What, Wrong};

/// A point of the history: its place in the order of all, and its time in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) seq: u64,
    pub(crate) ms: u64,
}

/// All that happened in one world.
#[derive(Debug, Default)]
pub(crate) struct History {
    last_seq: u64,
    /// The current version of each key.
    versions: Vec<u64>,
    pub(crate) reads: Vec<Read>,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) faults: Vec<Fault>,
    /// When caches were closed, by their process.
    pub(crate) closes: Vec<(usize, At)>,
    /// Keys of mutations that the store has taken, as the hook of the process said, and when.
    heard: Vec<(usize, usize, At)>,
}

/// A call of the cached function.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) operation: usize,
    pub(crate) process: usize,
    pub(crate) key: usize,
    /// The other key of a batch, which it waits for as well.
    pub(crate) beside: Option<usize>,
    pub(crate) is_refresh: bool,
    pub(crate) begin: At,
    pub(crate) end: Option<(At, Got)>,
}

/// What a caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// The value of this version.
    Value(u64),
    /// That there is none: so it is with every fifth version.
    None,
    /// The body's error, which says what version it saw.
    Error(u64),
    /// The body's panic.
    Panic,
    /// That it has waited for as long as calls wait.
    Late,
    /// Nothing: it left.
    Left,
}

/// A mutation, from its call to its end.
#[derive(Debug)]
pub(crate) struct Mutation {
    pub(crate) operation: usize,
    pub(crate) process: usize,
    pub(crate) what: What,
    pub(crate) keys: [Option<usize>; 2],
    pub(crate) begin: At,
    pub(crate) end: Option<At>,
}

/// A change of the source.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) operation: usize,
    pub(crate) process: usize,
    pub(crate) key: usize,
    pub(crate) version: u64,
    pub(crate) at: At,
    /// From when on its own process returns nothing older.
    pub(crate) seen_here: Option<At>,
    /// From when on nobody does.
    pub(crate) seen_everywhere: Option<At>,
    /// When the store has lost that it had taken the invalidation, if it has.
    pub(crate) lost: Option<At>,
    /// When it has taken it again.
    pub(crate) taken_again: Option<At>,
}

/// A run of the body of the cached function.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) operation: usize,
    pub(crate) process: usize,
    pub(crate) key: usize,
    pub(crate) kind: Kind,
    /// What it has seen of the source, once it has.
    pub(crate) version: Option<u64>,
    /// Whether it has come to its end, and was not dropped before.
    pub(crate) is_finished: bool,
    pub(crate) begin: At,
    pub(crate) end: Option<At>,
}

/// What a body runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A caller, who runs it.
    Call,
    /// A caller who asked for a load.
    Refresh,
    /// A caller, by a task which goes on when that has given up.
    Apart,
    /// What is past its ttl, or about to be, in the background.
    Background,
    /// One of the two before.
    Either,
}

impl Kind {
    /// Whether it runs in a task of its own.
    pub(crate) fn is_apart(self) -> bool {
        matches!(self, Self::Apart | Self::Background | Self::Either)
    }
}

/// Something that went wrong, with all the time in which it matters.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) seq: u64,
    pub(crate) what: Wrong,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl History {
    pub(crate) fn new(keys: usize) -> Self {
        Self { versions: vec![1; keys], ..Self::default() }
    }

    pub(crate) fn at(&mut self, ms: u64) -> At {
        self.last_seq += 1;
        At { seq: self.last_seq, ms }
    }

    pub(crate) fn version(&self, key: usize) -> u64 {
        self.versions[key]
    }

    /// Commits, and returns the new version.
    pub(crate) fn commit(&mut self, operation: usize, process: usize, key: usize, ms: u64) -> u64 {
        self.versions[key] += 1;
        let (version, at) = (self.versions[key], self.at(ms));
        self.commits.push(Commit {
            operation,
            process,
            key,
            version,
            at,
            seen_here: None,
            seen_everywhere: None,
            lost: None,
            taken_again: None,
        });
        version
    }

    pub(crate) fn begin_read(&mut self, operation: usize, process: usize, key: usize, ms: u64) -> usize {
        let begin = self.at(ms);
        self.reads.push(Read { operation, process, key, beside: None, is_refresh: false, begin, end: None });
        self.reads.len() - 1
    }

    pub(crate) fn begin_body(&mut self, body: Body) -> usize {
        self.bodies.push(body);
        self.bodies.len() - 1
    }

    /// The cache of a process is closed.
    pub(crate) fn closed(&mut self, process: usize, ms: u64) {
        let now = self.at(ms);
        self.closes.push((process, now));
    }

    /// The store has taken the invalidation of this mutation.
    pub(crate) fn heard(&mut self, operation: usize, key: usize, ms: u64) {
        let now = self.at(ms);
        self.heard.push((operation, key, now));
        self.taken_again(key, ms);
    }

    /// The store has taken an invalidation of this key: what it had lost of it is there again.
    pub(crate) fn taken_again(&mut self, key: usize, ms: u64) {
        let now = self.at(ms);
        for commit in self.commits.iter_mut().filter(|commit| commit.key == key && commit.lost.is_some()) {
            commit.taken_again.get_or_insert(now);
        }
    }

    /// The store has lost what it has taken since then.
    pub(crate) fn lose(&mut self, since: u64, ms: u64) {
        let now = self.at(ms);
        for commit in &mut self.commits {
            let is_safe = |heard: &At| heard.ms < since;
            let was_heard = self.heard.iter().any(|(operation, key, at)| {
                (*operation, *key) == (commit.operation, commit.key) && is_safe(at)
            });
            // What nobody is known to have taken may have been taken all the same.
            if !was_heard && !commit.seen_everywhere.as_ref().is_some_and(is_safe) {
                commit.lost = Some(now);
            }
        }
    }

    /// A process has nothing more to deliver, nor to deliver again.
    pub(crate) fn settled(&mut self, process: usize, ms: u64) {
        self.delivered(process, ms);
        let now = self.at(ms);
        let theirs = self.commits.iter_mut().filter(|commit| commit.process == process);
        for commit in theirs.filter(|commit| commit.seen_here.is_some() && commit.lost.is_some()) {
            commit.taken_again.get_or_insert(now);
        }
    }

    /// A mutation is over, with whatever it has committed: its process knows, and where the store has
    /// taken the invalidation everybody does.
    pub(crate) fn end_mutation(&mut self, mutation: usize, ms: u64) {
        let now = self.at(ms);
        let Mutation { operation, end, .. } = &mut self.mutations[mutation];
        *end = Some(now);
        for commit in self.commits.iter_mut().filter(|commit| commit.operation == *operation) {
            commit.seen_here = Some(now);
            if self.heard.iter().any(|(heard, key, _)| (*heard, *key) == (*operation, commit.key)) {
                commit.seen_everywhere = Some(now);
            }
        }
    }

    /// All that a process had still to deliver is delivered.
    pub(crate) fn delivered(&mut self, process: usize, ms: u64) {
        let now = self.at(ms);
        let theirs = self.commits.iter_mut().filter(|commit| commit.process == process);
        for commit in theirs.filter(|commit| commit.seen_here.is_some()) {
            commit.seen_everywhere.get_or_insert(now);
        }
    }
}

/// Whether there is nothing to be found in this version of the source.
pub(crate) fn is_absent(version: u64) -> bool {
    version.is_multiple_of(5)
}
