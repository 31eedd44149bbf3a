//! Who refreshes which key in this process: one at a time, and nobody for a while after a failure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::chance;
use crate::clock::{Clock, Moment};
use crate::policy::throttle;

/// From how many keys on those that rest no more are looked for, at each doubling.
const PURGE_FROM: usize = 1024;

/// The refreshes under way, and the keys that are left alone after a failure.
#[derive(Debug)]
pub(crate) struct Refreshers {
    // Held for a map operation, and never across an await.
    keys: Mutex<HashMap<Arc<[u8]>, State>>,
    clock: Clock,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running,
    Resting { until: Moment, failures: u32 },
}

/// Whether to refresh a key.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Yes: nobody else does.
    Go(Place),
    /// Somebody else does.
    Running,
    /// Its load failed a moment ago.
    Resting,
}

/// The right to refresh a key in this process. Dropped, it is free again; by a panic, it rests.
#[derive(Debug)]
pub(crate) struct Place {
    /// `None` once it has ended.
    refreshers: Option<Arc<Refreshers>>,
    key: Arc<[u8]>,
    failures: u32,
}

impl Refreshers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { keys: Mutex::default(), clock }
    }

    /// Takes the place, if it is free.
    pub(crate) fn begin(self: &Arc<Self>, key: &[u8]) -> Begun {
        let now = self.clock.now();
        let mut keys = self.keys();
        let failures = match keys.get(key) {
            Some(State::Running) => return Begun::Running,
            Some(State::Resting { until, .. }) if now < *until => return Begun::Resting,
            Some(State::Resting { failures, .. }) => *failures,
            None => 0,
        };
        if keys.len() >= PURGE_FROM && keys.len().is_power_of_two() {
            // A key that has rested for as long again is forgotten, and with it how often it failed.
            keys.retain(|_, state| match state {
                State::Running => true,
                State::Resting { until, .. } => now < *until + throttle::LONGEST,
            });
        }
        let key: Arc<[u8]> = key.into();
        keys.insert(Arc::clone(&key), State::Running);
        Begun::Go(Place { refreshers: Some(Arc::clone(self)), key, failures })
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Arc<[u8]>, State>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The load has failed: the key is left alone for a while, longer with each failure in a row.
    pub(super) fn rest(mut self) {
        self.leave_resting();
    }

    fn leave_resting(&mut self) {
        let Some(refreshers) = self.refreshers.take() else { return };
        let failures = self.failures.saturating_add(1);
        let until = refreshers.clock.now() + throttle::pause(failures, chance::random());
        refreshers.keys().insert(Arc::clone(&self.key), State::Resting { until, failures });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.leave_resting();
        }
        if let Some(refreshers) = self.refreshers.take() {
            refreshers.keys().remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn go(refreshers: &Arc<Refreshers>, key: &[u8]) -> Place {
        match refreshers.begin(key) {
            Begun::Go(place) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_refreshes_a_key_at_a_time() {
        let refreshers = Arc::new(Refreshers::new(Clock::manual()));
        let place = go(&refreshers, b"k");
        assert!(matches!(refreshers.begin(b"k"), Begun::Running));
        drop(go(&refreshers, b"other"));
        drop(place);
        drop(go(&refreshers, b"k"));
        assert!(refreshers.keys().is_empty());
    }

    #[test]
    fn after_a_failure_a_key_rests_and_longer_after_each() {
        let clock = Clock::manual();
        let refreshers = Arc::new(Refreshers::new(clock.clone()));
        for (failures, least) in [(0, 500), (1, 1_000), (2, 2_000)] {
            let place = go(&refreshers, b"k");
            assert_eq!(place.failures, failures);
            place.rest();
            clock.advance(Duration::from_millis(least - 1));
            assert!(matches!(refreshers.begin(b"k"), Begun::Resting), "before {least} ms");
            clock.advance(Duration::from_millis(least + 1));
        }
        drop(go(&refreshers, b"k"));
        assert_eq!(go(&refreshers, b"k").failures, 0, "a success ends the row");
    }

    #[test]
    fn a_panic_is_a_failure() {
        let refreshers = Arc::new(Refreshers::new(Clock::manual()));
        let place = go(&refreshers, b"k");
        let run = std::panic::AssertUnwindSafe(|| {
            let _place = place;
            std::panic::resume_unwind(Box::new("planned"));
        });
        assert!(std::panic::catch_unwind(run).is_err());
        assert!(matches!(refreshers.begin(b"k"), Begun::Resting));
    }

    #[test]
    fn keys_that_rest_no_more_are_forgotten() {
        let clock = Clock::manual();
        let refreshers = Arc::new(Refreshers::new(clock.clone()));
        for number in 0..10_000_u32 {
            go(&refreshers, &number.to_be_bytes()).rest();
            clock.advance(Duration::from_secs(1));
        }
        assert!(refreshers.keys().len() <= PURGE_FROM);
    }
}
