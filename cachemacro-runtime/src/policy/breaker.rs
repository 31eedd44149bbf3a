//! When a store that fails is left alone, and when it is tried again.
//!
//! A circuit breaker (Nygard, "Release It!"): after [`FAILURES_MAX`] failures in a row it opens, and
//! nobody waits for the store; after a pause one operation probes it; its success closes it again, and
//! its failure doubles the pause.

use std::time::Duration;

/// So many failures in a row open it: fewer are an accident.
const FAILURES_MAX: u32 = 5;

/// The first pause, and the longest: how late at most the end of an outage is seen.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Whether a store is asked. Time is how long it has been since some moment, always the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breaker {
    state: State,
    /// How many operations failed since the last that did not.
    failures: u32,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Nobody asks until then.
    Open(Duration),
    /// One operation asks, and the others wait for what becomes of it; past this time for nothing more.
    HalfOpen(Duration),
}

/// A change that is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// The store is not asked any more.
    Opened,
    /// One operation tries it.
    Probing,
    /// It is asked again.
    Closed,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self { state: State::Closed, failures: 0, pause: PAUSE_MIN }
    }

    /// Whether nothing has failed lately.
    pub(crate) fn is_calm(&self) -> bool {
        self.state == State::Closed && self.failures == 0
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether an operation may ask the store; `patience` is how long a probe may take.
    pub(crate) fn admits(&mut self, now: Duration, patience: Duration) -> (bool, Option<Transition>) {
        match self.state {
            State::Closed => (true, None),
            State::Open(until) | State::HalfOpen(until) if now < until => (false, None),
            // A probe that was dropped, and so never told how it ended, is followed by another.
            State::Open(_) | State::HalfOpen(_) => {
                self.state = State::HalfOpen(now + patience);
                (true, Some(Transition::Probing))
            }
        }
    }

    /// The store answered.
    pub(crate) fn succeeded(&mut self) -> Option<Transition> {
        let was_open = self.is_open();
        *self = Self::new();
        was_open.then_some(Transition::Closed)
    }

    /// The store did not answer. `chance` is from a half to one.
    pub(crate) fn failed(&mut self, now: Duration, chance: f64) -> Option<Transition> {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Closed if self.failures < FAILURES_MAX => None,
            State::Closed | State::HalfOpen(_) => {
                self.state = State::Open(now + self.pause.mul_f64(chance));
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                Some(Transition::Opened)
            }
            // It began before the breaker opened.
            State::Open(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(250);

    fn opened(now: Duration) -> Breaker {
        let mut breaker = Breaker::new();
        for at in 1..=FAILURES_MAX {
            let transition = breaker.failed(now, 1.0);
            assert_eq!(transition.is_some(), at == FAILURES_MAX, "failure {at}");
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_alone() {
        let now = Duration::from_secs(1);
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            for _ in 1..FAILURES_MAX {
                assert_eq!(breaker.failed(now, 1.0), None);
            }
            assert_eq!(breaker.succeeded(), None);
        }
        assert!(breaker.is_calm());
        assert!(!opened(now).admits(now, PATIENCE).0);
    }

    #[test]
    fn one_operation_probes_and_closes_it() {
        let now = Duration::from_secs(1);
        let mut breaker = opened(now);
        let later = now + PAUSE_MIN;
        assert_eq!(breaker.admits(later, PATIENCE), (true, Some(Transition::Probing)));
        assert_eq!(breaker.admits(later, PATIENCE), (false, None), "one at a time");
        assert_eq!(breaker.succeeded(), Some(Transition::Closed));
        assert_eq!(breaker.admits(later, PATIENCE), (true, None));
    }

    #[test]
    fn a_probe_that_fails_doubles_the_pause_up_to_a_bound() {
        let mut now = Duration::from_secs(1);
        let mut breaker = opened(now);
        for pause in [250, 500, 1000, 2000, 2000] {
            let pause = Duration::from_millis(pause);
            assert!(!breaker.admits(now + pause - Duration::from_millis(1), PATIENCE).0);
            now += pause;
            assert!(breaker.admits(now, PATIENCE).0);
            assert_eq!(breaker.failed(now, 1.0), Some(Transition::Opened));
        }
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_is_followed_by_another() {
        let now = Duration::from_secs(1);
        let mut breaker = opened(now);
        assert!(breaker.admits(now + PAUSE_MIN, PATIENCE).0);
        assert!(!breaker.admits(now + PAUSE_MIN, PATIENCE).0);
        assert!(breaker.admits(now + PAUSE_MIN + PATIENCE, PATIENCE).0);
    }

    #[test]
    fn what_began_before_it_opened_changes_nothing() {
        let now = Duration::from_secs(1);
        let mut breaker = opened(now);
        assert_eq!(breaker.failed(now, 1.0), None);
        assert!(breaker.admits(now + PAUSE_MIN, PATIENCE).0);
    }
}
