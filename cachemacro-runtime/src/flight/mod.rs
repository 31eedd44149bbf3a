//! One load per key in this process: who leads, who waits, and what becomes of them.
//!
//! The rule of who may take what is [`protocol::flight`](crate::protocol::flight)'s. Here are the
//! table, the channels, and the guard that hands the work on when a leader is dropped.

mod outcome;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use tokio::sync::oneshot;

use crate::mutants::{self, Mutant};
use crate::protocol::flight::{Ending, Flight, Progress};

pub(crate) use outcome::Outcome;

/// Enough that two callers of different keys seldom meet.
const SHARDS: usize = 32;

/// From how many waiters on those who have left are looked for, at each doubling.
const PURGE_FROM: usize = 64;

/// The loads under way. `L` is a lease, released when it is dropped.
#[derive(Debug)]
pub(crate) struct Flights<L> {
    // std's mutex: it is held for a few map operations, and never across an await.
    shards: Box<[Mutex<Shard<L>>]>,
    /// How many there are, so that nobody looks for one while there is none.
    count: AtomicUsize,
}

type Shard<L> = HashMap<Arc<[u8]>, Flight<Waiter<L>>, RandomState>;
type Waiter<L> = oneshot::Sender<Message<L>>;

/// A caller's part in a flight.
#[derive(Debug)]
pub(crate) enum Seat<L> {
    /// To load.
    Lead(Lead<L>),
    /// To wait for what this brings.
    Wait(oneshot::Receiver<Message<L>>),
}

/// What comes to one who waits.
#[derive(Debug)]
pub(crate) enum Message<L> {
    /// The result.
    Landed(Outcome),
    /// The lead: it is this one's turn.
    Lead(Lead<L>),
}

impl<L> Flights<L> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, count: AtomicUsize::new(0) }
    }

    /// Takes a seat: the lead if nobody has it.
    pub(crate) fn enter(self: &Arc<Self>, key: &[u8]) -> Seat<L> {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get_mut(key) {
            let (sender, receiver) = oneshot::channel();
            flight.join(sender);
            if flight.waiters() >= PURGE_FROM && flight.waiters().is_power_of_two() {
                flight.retain(|waiter| !waiter.is_closed());
            }
            return Seat::Wait(receiver);
        }
        let key: Arc<[u8]> = key.into();
        shard.insert(Arc::clone(&key), Flight::new());
        self.count.fetch_add(1, Ordering::Relaxed);
        drop(shard);
        Seat::Lead(Lead { flights: Some(Arc::clone(self)), key, lease: None })
    }

    /// Whether a load of this key is under way, to be waited for.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.len() > 0 && self.shard(key).contains_key(key)
    }

    /// How many loads are under way.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard<L>> {
        // Any hash does: who picks keys that share a shard makes them wait for a lock, for a few map operations.
        let hash = xxhash_rust::xxh3::xxh3_64(key);
        lock(&self.shards[hash as usize % self.shards.len()])
    }
}

/// The lead of a flight. Dropped without an end, it goes to one of those who wait.
#[derive(Debug)]
pub(crate) struct Lead<L> {
    /// `None` once the flight has ended.
    flights: Option<Arc<Flights<L>>>,
    key: Arc<[u8]>,
    // By itself, as hits have none, and each leads.
    lease: Option<Box<L>>,
}

impl<L> Lead<L> {
    /// The lease on the key: from this leader's lookup, or handed on by the one before.
    pub(crate) fn lease(&self) -> Option<&L> {
        self.lease.as_deref()
    }

    /// Keeps a lease for as long as the flight lasts.
    pub(crate) fn hold(&mut self, lease: L) {
        self.lease = Some(Box::new(lease));
    }

    /// Gives up the lease, and goes on without one.
    pub(crate) fn take(&mut self) -> Option<L> {
        self.lease.take().map(|lease| *lease)
    }

    /// Notes what is about to be done, before it is done.
    pub(crate) fn progress(&self, progress: Progress) {
        if let Some(flights) = &self.flights
            && let Some(flight) = flights.shard(&self.key).get_mut(&self.key)
        {
            flight.progress(progress);
        }
    }

    /// Whether anybody waits for what comes of it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.flights.as_ref().is_some_and(|flights| {
            flights.shard(&self.key).get(&self.key).is_some_and(|flight| flight.waiters() > 0)
        })
    }

    /// Ends the flight; the outcome goes to all who may take it. Returns the lease, if one is held.
    pub(crate) fn end(mut self, ending: Ending, outcome: Option<Outcome>) -> Option<L> {
        let lease = self.take();
        if let Some(flights) = self.flights.take() {
            // What cannot be shared is taken by nobody.
            let ending = if outcome.is_some() { ending } else { Ending::Unshared };
            land(flights, &self.key, ending, outcome, None);
        }
        lease
    }
}

impl<L> Drop for Lead<L> {
    fn drop(&mut self) {
        if let Some(flights) = self.flights.take()
            && !mutants::is(Mutant::LeadNotHandedOn)
        {
            land(flights, &self.key, Ending::LeaderGone, None, self.lease.take());
        }
    }
}

/// Ends a flight, tells those who wait, and hands the lead on until one takes it.
fn land<L>(
    flights: Arc<Flights<L>>,
    key: &Arc<[u8]>,
    ending: Ending,
    outcome: Option<Outcome>,
    lease: Option<Box<L>>,
) {
    let mut shard = flights.shard(key);
    let Some(flight) = shard.get_mut(key) else { return };
    let lease = if flight.lease_is_untouched() { lease } else { None };
    let mut landing = flight.end(ending);
    let mut lead = Lead { flights: None, key: Arc::clone(key), lease };
    // Those who have left do not take the lead; the next in line does.
    while let Some(waiter) = landing.promote.take() {
        if !waiter.is_closed() {
            lead.flights = Some(Arc::clone(&flights));
            drop(shard);
            // If it leaves at this very moment, the lead comes back with the message and is dropped: handed on.
            let _ = waiter.send(Message::Lead(lead));
            return deliver(landing.deliver, outcome);
        }
        landing.promote = flight.end(Ending::Unshared).promote;
    }
    shard.remove(key);
    flights.count.fetch_sub(1, Ordering::Relaxed);
    drop(shard);
    deliver(landing.deliver, outcome);
}

fn deliver<L>(waiters: Vec<Waiter<L>>, outcome: Option<Outcome>) {
    let Some(outcome) = outcome else { return };
    for waiter in waiters {
        let _ = waiter.send(Message::Landed(outcome.clone()));
    }
}

/// A panic elsewhere cannot leave a shard half changed: nothing in here runs foreign code.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Table = Arc<Flights<u8>>;

    fn lead(flights: &Table) -> Lead<u8> {
        match flights.enter(b"k") {
            Seat::Lead(lead) => lead,
            Seat::Wait(_) => panic!("somebody leads already"),
        }
    }

    fn wait(flights: &Table) -> oneshot::Receiver<Message<u8>> {
        match flights.enter(b"k") {
            Seat::Wait(receiver) => receiver,
            Seat::Lead(_) => panic!("nobody leads"),
        }
    }

    fn value(number: u8) -> Option<Outcome> {
        Some(Outcome::Value(Arc::new(number)))
    }

    #[test]
    fn a_dropped_leader_hands_its_untouched_lease_to_one_who_still_waits() {
        let flights = Table::new(Flights::new());
        let mut first = lead(&flights);
        first.hold(7);
        first.progress(Progress::LoadStarted);
        let left = wait(&flights);
        let mut next = wait(&flights);
        let mut last = wait(&flights);
        drop(left);
        drop(first);
        let Ok(Message::Lead(promoted)) = next.try_recv() else { panic!("the first who still waits leads") };
        assert_eq!(promoted.lease(), Some(&7));
        assert!(last.try_recv().is_err());
        promoted.progress(Progress::LoadStarted);
        promoted.progress(Progress::SettleSent);
        assert_eq!(promoted.end(Ending::Settled, value(1)), Some(7));
        assert!(matches!(last.try_recv(), Ok(Message::Landed(_))));
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_lease_that_was_being_settled_is_not_handed_on() {
        let flights = Table::new(Flights::new());
        let mut first = lead(&flights);
        first.hold(7);
        first.progress(Progress::LoadStarted);
        first.progress(Progress::SettleSent);
        let mut next = wait(&flights);
        drop(first);
        let Ok(Message::Lead(promoted)) = next.try_recv() else { panic!("it leads") };
        assert_eq!(promoted.lease(), None);
    }

    #[test]
    fn a_promotion_that_is_never_received_goes_to_the_next() {
        let flights = Table::new(Flights::new());
        let first = lead(&flights);
        let unread = wait(&flights);
        let mut next = wait(&flights);
        drop(first);
        drop(unread);
        assert!(matches!(next.try_recv(), Ok(Message::Lead(_))));
    }

    #[test]
    fn a_flight_that_nobody_waits_for_leaves_nothing_behind() {
        let flights = Table::new(Flights::new());
        drop(lead(&flights));
        let first = lead(&flights);
        drop(wait(&flights));
        assert_eq!(first.end(Ending::Hit, value(1)), None);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn those_who_have_left_are_forgotten_while_a_load_goes_on() {
        let flights = Table::new(Flights::new());
        let _lead = lead(&flights);
        for _ in 0..10_000 {
            drop(wait(&flights));
        }
        let shard = flights.shard(b"k");
        assert!(shard[&b"k"[..]].waiters() < 2 * PURGE_FROM);
    }
}
