//! Reads of callers who come at once, gathered into one: no task that runs on, no timer, and no wait but one turn of
//! the runtime, in which the others come.
//!
//! [`protocol::gather`](crate::protocol::gather) says who joins which batch. A batch is driven by a task of its own, which
//! is over with it, and not by one of its members: a caller may be dropped at any time, or be held without being
//! polled while its own task waits for another member.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::gate::Gate;
use crate::mutants::{self, Mutant};
use crate::protocol::gather::{Gather, Way};
use crate::store::Found;
use crate::task::Tasks;

/// The most lanes that are told apart; a store with more shares them.
const LANES: usize = 16;

/// The most keys of one batch: a larger one delays its first answer.
const KEYS_MAX: usize = 256;

/// What is under way on each lane of a store.
pub(crate) struct Gatherers {
    gate: Arc<Gate>,
    tasks: Tasks,
    // std's mutexes: held for a few moves, and never across an await.
    lanes: Box<[Lane]>,
}

type Lane = Mutex<Gather<Handle>>;

/// A batch, told from others by what it is and not by what is in it.
#[derive(Clone)]
struct Handle(Arc<Mutex<Batch>>);

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Reads of several callers.
struct Batch {
    keys: Keys,
    /// Those who wait, in the order in which they came.
    members: Vec<Member>,
    at: BatchAt,
    /// How many are still to take their answer, or to leave.
    waiting: usize,
}

enum BatchAt {
    Open,
    Sent,
    /// An answer for each key.
    Answered(Vec<Found>),
}

struct Member {
    /// The place of its key.
    at: usize,
    waker: Option<Waker>,
}

/// Keys that are asked for, each once.
#[derive(Clone, Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    /// How many ask for each.
    asked: Vec<usize>,
}

/// What a member waits for.
pub(crate) struct Gathered<'a> {
    lane: &'a Lane,
    batch: Handle,
    member: usize,
    is_over: bool,
}

/// A request of one caller that is under way.
pub(crate) struct UnderWay<'a>(&'a Lane);

impl Gatherers {
    pub(crate) fn new(gate: Arc<Gate>, tasks: Tasks) -> Self {
        let lane = || Mutex::new(Gather::new());
        Self { gate, tasks, lanes: std::iter::repeat_with(lane).take(LANES).collect() }
    }

    /// Notes that a caller asks for a key itself, until it is dropped.
    pub(crate) fn asks(&self, key: &[u8]) -> Option<UnderWay<'_>> {
        let lane = &self.lanes[self.lane(key)?];
        lock(lane).sent(None);
        Some(UnderWay(lane))
    }

    /// A read of a key together with others; none if nothing is under way, or the store is not to be asked so.
    pub(crate) fn join(self: &Arc<Self>, key: &[u8]) -> Option<Gathered<'_>> {
        if !self.gate.is_calm() {
            return None;
        }
        let number = self.lane(key)?;
        let lane = &self.lanes[number];
        let mut gather = lock(lane);
        let joined = match gather.way() {
            Way::Alone => return None,
            Way::Joins(batch) => lock(&batch.0).join(key).map(|member| (batch.clone(), member)),
            Way::Opens => None,
        };
        let (batch, member) = match joined {
            Some(joined) => joined,
            None => {
                let batch = Handle(Arc::new(Mutex::new(Batch::opened_for(key))));
                let driven = Driven { gatherers: Arc::clone(self), lane: number, batch: batch.clone() };
                if !self.tasks.spawn(driven.run()) {
                    return None;
                }
                gather.opened(batch.clone());
                (batch, 0)
            }
        };
        drop(gather);
        Some(Gathered { lane, batch, member, is_over: false })
    }

    fn lane(&self, key: &[u8]) -> Option<usize> {
        self.gate.store().lane(key).map(|lane| lane % LANES)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(self.0).answered(None);
    }
}

/// A batch in the hands of its task. Dropped at any point, it lets nobody wait.
struct Driven {
    gatherers: Arc<Gatherers>,
    lane: usize,
    batch: Handle,
}

impl Driven {
    async fn run(self) {
        // The others come now.
        a_turn().await;
        let Some(keys) = self.close() else { return };
        let all = keys.all();
        let gate = &self.gatherers.gate;
        let mut answers = gate.store().read_many(&all).await;
        // A store that does not answer for all is a store that does not answer.
        answers.resize_with(all.len(), || Found::Failed(unanswered()));
        if !answers.iter().any(|found| matches!(found, Found::Failed(_))) {
            gate.heard(None);
        }
        // Each counts as if it had asked for itself, so that no more of them wait for nothing.
        for found in &answers {
            if let Found::Failed(error) = found {
                gate.heard(Some(error));
            }
        }
        self.hand_out(answers);
    }

    /// Lets nobody join any more, as the read is about to be sent; none if nobody waits for it.
    fn close(&self) -> Option<Keys> {
        let mut gather = lock(self.lane());
        let mut batch = lock(&self.batch.0);
        if batch.waiting == 0 {
            gather.abandoned(&self.batch);
            return None;
        }
        gather.sent(Some(&self.batch));
        batch.at = BatchAt::Sent;
        if mutants::is(Mutant::GatheredToLateJoiners) {
            return Some(batch.keys.clone());
        }
        // Nobody looks for a key any more.
        let (bytes, ends) = (std::mem::take(&mut batch.keys.bytes), std::mem::take(&mut batch.keys.ends));
        Some(Keys { bytes, ends, ..Keys::default() })
    }

    /// Wakes all for their answers.
    fn hand_out(&self, answers: Vec<Found>) {
        let mut batch = lock(&self.batch.0);
        batch.at = BatchAt::Answered(answers);
        let wakers: Vec<Waker> = batch.members.iter_mut().filter_map(|member| member.waker.take()).collect();
        let is_over = batch.waiting == 0;
        drop(batch);
        if is_over {
            lock(self.lane()).answered(Some(&self.batch));
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lane(&self) -> &Lane {
        &self.gatherers.lanes[self.lane]
    }
}

impl Drop for Driven {
    /// Where the runtime ends, or the store panics, everybody asks for itself.
    fn drop(&mut self) {
        let mut gather = lock(self.lane());
        let mut batch = lock(&self.batch.0);
        match batch.at {
            BatchAt::Answered(_) => return,
            BatchAt::Sent => {}
            BatchAt::Open if batch.waiting == 0 => return gather.abandoned(&self.batch),
            BatchAt::Open => {
                gather.sent(Some(&self.batch));
                batch.at = BatchAt::Sent;
            }
        }
        let nothing = batch.keys.asked.iter().map(|_| Found::Absent).collect();
        drop(batch);
        drop(gather);
        self.hand_out(nothing);
    }
}

/// One turn of the runtime: what is ready to run comes first.
async fn a_turn() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Batch {
    fn opened_for(key: &[u8]) -> Self {
        let mut keys = Keys::default();
        let at = keys.add(key, hash_of(key));
        Self { keys, members: vec![Member { at, waker: None }], at: BatchAt::Open, waiting: 1 }
    }

    /// Adds one who asks for a key; none if the batch is full.
    fn join(&mut self, key: &[u8]) -> Option<usize> {
        let at = match self.at {
            BatchAt::Open => self.keys.place(key)?,
            // What was sent before somebody came is not for it.
            _ if mutants::is(Mutant::GatheredToLateJoiners) => {
                let at = self.keys.find(key, hash_of(key))?;
                self.keys.asked[at] += 1;
                at
            }
            BatchAt::Sent | BatchAt::Answered(_) => return None,
        };
        self.waiting += 1;
        self.members.push(Member { at, waker: None });
        Some(self.members.len() - 1)
    }

    /// The answer for a member, once it is there.
    fn take(&mut self, member: usize) -> Option<Found> {
        let BatchAt::Answered(answers) = &mut self.at else { return None };
        let at = self.members[member].at;
        self.waiting -= 1;
        // Almost always it is asked for by one alone: then nothing is copied.
        if self.keys.asked[at] == 1 {
            return Some(std::mem::replace(&mut answers[at], Found::Absent));
        }
        Some(answers[at].clone())
    }

    /// Keeps the waker of one who waits.
    fn waits(&mut self, member: usize, context: &Context<'_>) {
        let kept = &mut self.members[member].waker;
        if !kept.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *kept = Some(context.waker().clone());
        }
    }
}

impl Keys {
    /// The place of a key, which is added if it is not there; none if there are too many.
    fn place(&mut self, key: &[u8]) -> Option<usize> {
        let hash = hash_of(key);
        match self.find(key, hash) {
            Some(at) => {
                self.asked[at] += 1;
                Some(at)
            }
            None => (self.ends.len() < KEYS_MAX).then(|| self.add(key, hash)),
        }
    }

    fn find(&self, key: &[u8], hash: u64) -> Option<usize> {
        // Where two keys have one hash, the second is asked for by itself, and as often as somebody asks.
        let at = self.hashes.iter().position(|&other| other == hash)?;
        (self.key(at) == key).then_some(at)
    }

    fn add(&mut self, key: &[u8], hash: u64) -> usize {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        self.asked.push(1);
        self.ends.len() - 1
    }

    fn key(&self, at: usize) -> &[u8] {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[begin..self.ends[at]]
    }

    fn all(&self) -> Vec<&[u8]> {
        (0..self.ends.len()).map(|at| self.key(at)).collect()
    }
}

/// # Cancel safety
///
/// Dropped, it leaves the batch; the others get their answers all the same.
impl Future for Gathered<'_> {
    type Output = Found;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Found> {
        let mut batch = lock(&self.batch.0);
        let Some(found) = batch.take(self.member) else {
            batch.waits(self.member, context);
            return Poll::Pending;
        };
        let is_last = batch.waiting == 0;
        drop(batch);
        self.is_over = true;
        if is_last {
            self.all_are_gone();
        }
        Poll::Ready(found)
    }
}

impl Gathered<'_> {
    /// A batch is under way until the last of its members has its answer: those who have theirs and ask for the next
    /// key are then gathered again, and none of them goes alone as the first.
    fn all_are_gone(&self) {
        lock(self.lane).answered(Some(&self.batch));
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut batch = lock(&self.batch.0);
        batch.waiting -= 1;
        batch.members[self.member].waker = None;
        // Before there are answers, its task sees to it.
        let is_last = batch.waiting == 0 && matches!(batch.at, BatchAt::Answered(_));
        drop(batch);
        if is_last {
            self.all_are_gone();
        }
    }
}

fn hash_of(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

fn unanswered() -> crate::error::Error {
    let detail = "the store gave no answer for the key";
    crate::error::Error::new(crate::error::ErrorKind::Unavailable, "lookup", detail)
}

/// A panic elsewhere cannot leave anything half changed: no foreign code runs under these locks but that of wakers,
/// which count their references.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_asked_for_once_whoever_asks() {
        let mut batch = Batch::opened_for(b"one");
        assert_eq!((batch.join(b"two"), batch.join(b"one"), batch.join(b"")), (Some(1), Some(2), Some(3)));
        assert_eq!(batch.keys.all(), [&b"one"[..], b"two", b""]);
        let places: Vec<usize> = batch.members.iter().map(|member| member.at).collect();
        assert_eq!(places, [0, 1, 0, 2]);
    }

    #[test]
    fn a_batch_that_is_sent_or_full_is_not_joined() {
        let mut batch = Batch::opened_for(b"one");
        for number in 1..KEYS_MAX {
            assert!(batch.join(&number.to_be_bytes()).is_some());
        }
        assert_eq!(batch.join(b"more"), None);
        assert!(batch.join(b"one").is_some(), "that takes no room");
        batch.at = BatchAt::Sent;
        assert_eq!(batch.join(b"one"), None);
    }
}
