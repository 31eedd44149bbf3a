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

/// For how many members, and for how many bytes of keys, a batch has room at once, at most: there may be more.
const MEMBERS_EXPECTED_MAX: usize = 2 * KEYS_MAX;
const KEY_BYTES_EXPECTED_MAX: usize = 16 << 10;

/// What is under way on each lane of a store.
pub(crate) struct Gatherers {
    gate: Arc<Gate>,
    tasks: Tasks,
    // std's mutexes: held for a few moves, and never across an await. A member takes its lane's twice: to come, and to go.
    lanes: Box<[Mutex<Lane>]>,
}

struct Lane {
    gather: Gather<u64>,
    /// Those that are open, sent, or not yet taken by all; seldom more than two.
    batches: Vec<Batch>,
    /// The number of the next batch.
    next: u64,
    /// How large the last one was that was sent: the next one is about as large, and has room for that at once.
    last: Size,
}

/// How many members and keys a batch is expected to have, and the bytes of its keys.
#[derive(Clone, Copy, Default)]
struct Size {
    members: usize,
    keys: usize,
    key_bytes: usize,
}

/// Reads of several callers.
struct Batch {
    number: u64,
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

/// A read of a key together with others: what is found, or none, if nothing is under way that it could join.
pub(crate) struct Gathered<'a> {
    gatherers: &'a Arc<Gatherers>,
    key: &'a [u8],
    lane: usize,
    seat: Seat,
}

enum Seat {
    /// It has not come yet.
    Outside,
    Member {
        batch: u64,
        number: usize,
    },
    Over,
}

/// A request of one caller that is under way.
pub(crate) struct UnderWay<'a>(&'a Mutex<Lane>);

impl Gatherers {
    pub(crate) fn new(gate: Arc<Gate>, tasks: Tasks) -> Self {
        let lane = || Lane { gather: Gather::new(), batches: Vec::new(), next: 0, last: Size::default() };
        Self { gate, tasks, lanes: std::iter::repeat_with(lane).map(Mutex::new).take(LANES).collect() }
    }

    /// Notes that a caller asks for a key itself, until it is dropped.
    pub(crate) fn asks(&self, key: &[u8]) -> Option<UnderWay<'_>> {
        let lane = &self.lanes[self.lane(key)?];
        lock(lane).gather.sent(None);
        Some(UnderWay(lane))
    }

    /// A read of a key together with others; none if the store is not to be asked so.
    pub(crate) fn join<'a>(self: &'a Arc<Self>, key: &'a [u8]) -> Option<Gathered<'a>> {
        if !self.gate.is_calm() {
            return None;
        }
        Some(Gathered { gatherers: self, key, lane: self.lane(key)?, seat: Seat::Outside })
    }

    fn lane(&self, key: &[u8]) -> Option<usize> {
        self.gate.store().lane(key).map(|lane| lane % LANES)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(self.0).gather.answered(None);
    }
}

/// # Cancel safety
///
/// Dropped, it leaves the batch; the others get their answers all the same.
impl Future for Gathered<'_> {
    type Output = Option<Found>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Found>> {
        let gatherers = self.gatherers;
        let mut lane = lock(&gatherers.lanes[self.lane]);
        match self.seat {
            Seat::Outside => {
                let Some((seat, opened)) = lane.come(self.key, context.waker()) else {
                    return Poll::Ready(None);
                };
                drop(lane);
                self.seat = seat;
                if let Some(batch) = opened {
                    // Where nothing can be spawned, it is dropped, and answers.
                    let driven = Driven { gatherers: Arc::clone(gatherers), lane: self.lane, batch };
                    gatherers.tasks.spawn(driven.run());
                }
                Poll::Pending
            }
            Seat::Member { batch, number } => match lane.take(batch, number, context.waker()) {
                Some(found) => {
                    drop(lane);
                    self.seat = Seat::Over;
                    Poll::Ready(Some(found))
                }
                None => Poll::Pending,
            },
            Seat::Over => Poll::Ready(None),
        }
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        if let Seat::Member { batch, number } = self.seat {
            lock(&self.gatherers.lanes[self.lane]).leave(batch, number);
        }
    }
}

impl Lane {
    /// Joins the open batch, or opens one, which is then to be driven; none where nothing is under way.
    fn come(&mut self, key: &[u8], waker: &Waker) -> Option<(Seat, Option<u64>)> {
        match self.gather.way() {
            Way::Alone => return None,
            Way::Joins(batch) => {
                let joined = self.batch(batch).and_then(|open| open.join(key, waker));
                if let Some(number) = joined {
                    return Some((Seat::Member { batch, number }, None));
                }
            }
            Way::Opens => {}
        }
        let batch = self.next;
        self.next += 1;
        let mut opened = Batch::new(batch, self.last);
        opened.join(key, waker);
        self.batches.push(opened);
        self.gather.opened(batch);
        Some((Seat::Member { batch, number: 0 }, Some(batch)))
    }

    /// The answer for a member, once it is there.
    fn take(&mut self, batch: u64, number: usize, waker: &Waker) -> Option<Found> {
        let batch = self.batch(batch)?;
        let Some(found) = batch.take(number) else {
            batch.waits(number, waker);
            return None;
        };
        let (number, is_last) = (batch.number, batch.waiting == 0);
        if is_last {
            self.over(number);
        }
        Some(found)
    }

    fn leave(&mut self, batch: u64, number: usize) {
        let Some(batch) = self.batch(batch) else { return };
        batch.waiting -= 1;
        batch.members[number].waker = None;
        // Before there are answers, its task sees to it.
        let (number, is_last) =
            (batch.number, batch.waiting == 0 && matches!(batch.at, BatchAt::Answered(_)));
        if is_last {
            self.over(number);
        }
    }

    /// A batch is under way until the last of its members has its answer: those who have theirs and ask for the next
    /// key are then gathered again, and none of them goes alone as the first.
    fn over(&mut self, batch: u64) {
        self.gather.answered(Some(&batch));
        self.batches.retain(|other| other.number != batch);
    }

    fn abandoned(&mut self, batch: u64) {
        self.gather.abandoned(&batch);
        self.batches.retain(|other| other.number != batch);
    }

    fn batch(&mut self, number: u64) -> Option<&mut Batch> {
        self.batches.iter_mut().find(|batch| batch.number == number)
    }
}

/// A batch in the hands of its task. Dropped at any point, it lets nobody wait.
struct Driven {
    gatherers: Arc<Gatherers>,
    lane: usize,
    batch: u64,
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
        let mut lane = lock(self.lane());
        let batch = lane.batch(self.batch)?;
        if batch.waiting == 0 {
            lane.abandoned(self.batch);
            return None;
        }
        batch.at = BatchAt::Sent;
        let size = batch.size();
        let keys = if mutants::is(Mutant::GatheredToLateJoiners) {
            batch.keys.clone()
        } else {
            // Nobody looks for a key any more.
            let (bytes, ends) = (std::mem::take(&mut batch.keys.bytes), std::mem::take(&mut batch.keys.ends));
            Keys { bytes, ends, ..Keys::default() }
        };
        lane.gather.sent(Some(&self.batch));
        lane.last = size;
        Some(keys)
    }

    /// Wakes all for their answers.
    fn hand_out(&self, answers: Vec<Found>) {
        let mut lane = lock(self.lane());
        let Some(batch) = lane.batch(self.batch) else { return };
        batch.at = BatchAt::Answered(answers);
        // Room for all at once: nearly all of them wait.
        let mut wakers = Vec::with_capacity(batch.members.len());
        wakers.extend(batch.members.iter_mut().filter_map(|member| member.waker.take()));
        if batch.waiting == 0 {
            lane.over(self.batch);
        }
        drop(lane);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lane(&self) -> &Mutex<Lane> {
        &self.gatherers.lanes[self.lane]
    }
}

impl Drop for Driven {
    /// Where the runtime ends, or the store panics, everybody asks for itself.
    fn drop(&mut self) {
        let mut lane = lock(self.lane());
        let Some(batch) = lane.batch(self.batch) else { return };
        match batch.at {
            BatchAt::Answered(_) => return,
            BatchAt::Sent => {}
            BatchAt::Open if batch.waiting == 0 => return lane.abandoned(self.batch),
            BatchAt::Open => {
                batch.at = BatchAt::Sent;
                lane.gather.sent(Some(&self.batch));
            }
        }
        let nothing =
            lane.batch(self.batch).map(|batch| batch.keys.asked.iter().map(|_| Found::Absent).collect());
        drop(lane);
        self.hand_out(nothing.unwrap_or_default());
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
    fn new(number: u64, room: Size) -> Self {
        let keys = Keys {
            bytes: Vec::with_capacity(room.key_bytes),
            ends: Vec::with_capacity(room.keys),
            hashes: Vec::with_capacity(room.keys),
            asked: Vec::with_capacity(room.keys),
        };
        Self { number, keys, members: Vec::with_capacity(room.members), at: BatchAt::Open, waiting: 0 }
    }

    /// What the next one is expected to have.
    fn size(&self) -> Size {
        let Keys { bytes, ends, .. } = &self.keys;
        Size {
            members: self.members.len().min(MEMBERS_EXPECTED_MAX),
            keys: ends.len(),
            key_bytes: bytes.len().min(KEY_BYTES_EXPECTED_MAX),
        }
    }

    /// Adds one who asks for a key; none if the batch is full.
    fn join(&mut self, key: &[u8], waker: &Waker) -> Option<usize> {
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
        self.members.push(Member { at, waker: Some(waker.clone()) });
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
    fn waits(&mut self, member: usize, waker: &Waker) {
        let kept = &mut self.members[member].waker;
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
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
mod tests;
