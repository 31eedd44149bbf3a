//! Who may take the result of a load that another caller runs.
//!
//! Sharing is itself a way to read something stale, so that one rule decides: a caller takes a
//! result only if it arrived before the operation that proves it fresh was **sent**.
//!
//! | the flight ends as | proved fresh by | so those take it who joined before |
//! |---|---|---|
//! | [`Hit`](Ending::Hit) | the lookup | the lookup was sent |
//! | [`Settled`](Ending::Settled) | the fill or the release, which found the lease still held | it was sent |
//! | [`Unsettled`](Ending::Unsettled) | the load itself | the body started |
//! | [`Unshared`](Ending::Unshared) | nothing | (nobody) |
//!
//! All others go to the next flight: one of them is promoted to lead it, and the rest have then
//! joined it before its lookup is sent.

use std::collections::VecDeque;

use crate::mutants::{self, Mutant};

/// One load of one key, and those who wait for it. `W` is whatever reaches a waiter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight<W> {
    phase: Phase,
    /// How many have joined so far: each waiter's number is the count before it.
    joined: u64,
    /// In the order of their numbers.
    waiters: VecDeque<(u64, W)>,
}

/// How far the leader has come. Each mark is the number of those who had joined by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The leader has not begun.
    Boarding,
    /// The lookup was sent.
    Looking { sent: u64 },
    /// The body runs.
    Loading { started: u64 },
    /// The fill or the release was sent.
    Settling { started: u64, sent: u64 },
}

/// What the leader does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is about to send a lookup; it may do so more than once, while another process leads.
    LookupSent,
    /// It is about to start the body.
    LoadStarted,
    /// It is about to send the fill or the release.
    SettleSent,
}

/// How a flight ends. (A waiter whose time is over leaves by itself, and the flight goes on.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The lookup found a value.
    Hit,
    /// The load is over, and its lease was still held when it was filled or released.
    Settled,
    /// The load is over, and its lease was refused, or there was none, or nobody knows.
    Unsettled,
    /// The load is over, and what came of it cannot be copied: an error that is not `Clone`.
    Unshared,
    /// The leader was dropped, or its body panicked.
    LeaderGone,
}

/// What is to be done at the end of a flight.
#[derive(Debug)]
pub(crate) struct Landing<W> {
    /// Those who get the result.
    pub(crate) deliver: Vec<W>,
    /// The one who leads the next flight; if there is none, there is no next flight.
    pub(crate) promote: Option<W>,
}

impl<W> Flight<W> {
    /// A flight whose leader has not begun.
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Boarding, joined: 0, waiters: VecDeque::new() }
    }

    /// Adds one who waits.
    pub(crate) fn join(&mut self, waiter: W) {
        self.waiters.push_back((self.joined, waiter));
        self.joined += 1;
    }

    /// Forgets those who no longer wait.
    pub(crate) fn retain(&mut self, still_waits: impl Fn(&W) -> bool) {
        self.waiters.retain(|(_, waiter)| still_waits(waiter));
    }

    /// How many wait.
    pub(crate) fn waiters(&self) -> usize {
        self.waiters.len()
    }

    /// Notes what the leader is about to do.
    pub(crate) fn progress(&mut self, progress: Progress) {
        let now = self.joined;
        self.phase = match (progress, self.phase) {
            (Progress::LookupSent, _) => Phase::Looking { sent: now },
            (Progress::LoadStarted, _) => Phase::Loading { started: now },
            (Progress::SettleSent, Phase::Loading { started }) => Phase::Settling { started, sent: now },
            (Progress::SettleSent, phase) => phase,
        };
    }

    /// Ends the flight, and makes it the next one if anybody is left.
    pub(crate) fn end(&mut self, ending: Ending) -> Landing<W> {
        let takers = self.takers(ending);
        let split = self.waiters.partition_point(|(number, _)| *number < takers);
        let rest = self.waiters.split_off(split);
        let deliver =
            std::mem::replace(&mut self.waiters, rest).into_iter().map(|(_, waiter)| waiter).collect();
        let promote = self.waiters.pop_front().map(|(_, waiter)| waiter);
        self.phase = Phase::Boarding;
        Landing { deliver, promote }
    }

    /// Whether a lease that the leader leaves behind is untouched, so that the next leader may use it.
    pub(crate) fn lease_is_untouched(&self) -> bool {
        matches!(self.phase, Phase::Loading { .. } | Phase::Boarding)
    }

    /// Those whose number is below this take the result.
    fn takers(&self, ending: Ending) -> u64 {
        match (ending, self.phase) {
            (Ending::Hit | Ending::Settled | Ending::Unsettled, _)
                if mutants::is(Mutant::JoinersTakeAnything) =>
            {
                self.joined
            }
            (Ending::Hit, _) if mutants::is(Mutant::HitToLateJoiners) => self.joined,
            (Ending::Settled, _) if mutants::is(Mutant::JoinUntilDelivery) => self.joined,
            (Ending::Unsettled, _) if mutants::is(Mutant::RefusedToLateJoiners) => self.joined,
            (Ending::Hit, Phase::Looking { sent }) => sent,
            (Ending::Settled, Phase::Settling { sent, .. }) => sent,
            (Ending::Unsettled, Phase::Loading { started } | Phase::Settling { started, .. }) => started,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Progress::*;
    use super::*;

    /// A flight that `before` joins, and one more after each step: 1, 2, 3.
    fn flown(steps: &[Progress]) -> Flight<u32> {
        let mut flight = Flight::new();
        flight.join(0);
        for (number, step) in steps.iter().enumerate() {
            flight.progress(*step);
            flight.join(number as u32 + 1);
        }
        flight
    }

    #[test]
    fn a_hit_is_taken_by_those_who_came_before_its_lookup_was_sent() {
        let landing = flown(&[LookupSent]).end(Ending::Hit);
        assert_eq!(landing.deliver, [0]);
        assert_eq!(landing.promote, Some(1));
    }

    #[test]
    fn a_lookup_sent_again_lets_those_take_its_hit_who_came_meanwhile() {
        let landing = flown(&[LookupSent, LookupSent]).end(Ending::Hit);
        assert_eq!(landing.deliver, [0, 1]);
        assert_eq!(landing.promote, Some(2));
    }

    #[test]
    fn a_settled_load_is_taken_by_those_who_came_before_the_fill_was_sent() {
        let landing = flown(&[LookupSent, LoadStarted, SettleSent]).end(Ending::Settled);
        assert_eq!(landing.deliver, [0, 1, 2]);
        assert_eq!(landing.promote, Some(3));
    }

    #[test]
    fn a_refused_value_is_taken_by_those_alone_who_came_before_the_body_started() {
        for steps in [&[LookupSent, LoadStarted][..], &[LookupSent, LoadStarted, SettleSent]] {
            let landing = flown(steps).end(Ending::Unsettled);
            assert_eq!(landing.deliver, [0, 1]);
            assert_eq!(landing.promote, Some(2));
        }
    }

    #[test]
    fn nobody_takes_what_cannot_be_copied_or_was_never_made() {
        for ending in [Ending::Unshared, Ending::LeaderGone] {
            let mut flight = flown(&[LookupSent, LoadStarted]);
            let landing = flight.end(ending);
            assert!(landing.deliver.is_empty());
            assert_eq!(landing.promote, Some(0));
            assert_eq!(flight.waiters(), 2, "the others wait for the next");
        }
    }

    #[test]
    fn those_who_are_left_have_joined_the_next_flight_before_its_lookup() {
        let mut flight = flown(&[LookupSent]);
        flight.join(2);
        flight.join(3);
        assert_eq!(flight.end(Ending::Hit).promote, Some(1));
        flight.progress(LookupSent);
        let landing = flight.end(Ending::Hit);
        assert_eq!(landing.deliver, [2, 3]);
        assert_eq!(landing.promote, None);
    }

    #[test]
    fn a_lease_is_handed_on_only_while_nothing_was_sent_on_it() {
        assert!(flown(&[LookupSent, LoadStarted]).lease_is_untouched());
        assert!(!flown(&[LookupSent]).lease_is_untouched());
        assert!(!flown(&[LookupSent, LoadStarted, SettleSent]).lease_is_untouched());
    }
}
