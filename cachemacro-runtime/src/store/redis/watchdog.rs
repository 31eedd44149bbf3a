//! Who looks for callers whose time is over: one thread for the process, which is not there before something is connected.
//!
//! A call sets no timer: its connection is looked at when the first deadline on it comes, and then when the next one does, so that an
//! answer in time costs a comparison. With a timer of the runtime's for each call the kernel sets one too, for each wait: `benches/README.md` has
//! what that costs, in the row of a `GET` under a timeout.
//!
//! It is no task: the runtime that has the connection may be held up by what blocks it, or not be driven any more, while callers on
//! others wait. Deadlines are by the system's clock: where tokio's is paused, they come all the same.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::task::spawn_thread;

/// When what has panicked is looked at again.
const AFTER_PANIC: Duration = Duration::from_millis(10);

/// What is looked at.
pub(super) trait Watched: Send + Sync {
    /// Does what is due by now, and says when to look again. It waits for nothing: others are looked at after it.
    fn look(&self, now: Instant) -> Option<Instant>;
}

pub(super) struct Watchdog {
    state: Mutex<State>,
    is_sooner: Condvar,
}

struct State {
    is_running: bool,
    /// One for each connection with callers.
    looks: Vec<Look>,
}

struct Look {
    at: Instant,
    watched: Weak<dyn Watched>,
}

/// The process's.
pub(super) static WATCHDOG: Watchdog = Watchdog::new();

impl Watchdog {
    const fn new() -> Self {
        Self { state: Mutex::new(State { is_running: false, looks: Vec::new() }), is_sooner: Condvar::new() }
    }

    /// Starts the thread, if there is none. Fails where the system has none to give.
    pub(super) fn start(&'static self) -> io::Result<()> {
        let mut state = self.state();
        if !state.is_running {
            spawn_thread("cachemacro-watchdog", || self.run())?;
            state.is_running = true;
        }
        Ok(())
    }

    /// Has it looked at then.
    pub(super) fn look_at(&self, at: Instant, watched: Weak<dyn Watched>) {
        let mut state = self.state();
        let is_sooner = state.looks.iter().all(|look| at < look.at);
        state.note(Look { at, watched });
        drop(state);
        if is_sooner {
            self.is_sooner.notify_one();
        }
    }

    fn run(&self) -> ! {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let (due, later) = state.looks.drain(..).partition::<Vec<_>, _>(|look| look.at <= now);
            state.looks = later;
            if !due.is_empty() {
                drop(state);
                let again: Vec<Look> = due.into_iter().filter_map(|look| look.done(now)).collect();
                state = self.state();
                again.into_iter().for_each(|look| state.note(look));
                continue;
            }
            let next = state.looks.iter().map(|look| look.at).min();
            state = match next {
                None => self.is_sooner.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let waited = self.is_sooner.wait_timeout(state, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// No foreign code runs under this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The earlier one of two is enough: it says when the next one is.
    fn note(&mut self, new: Look) {
        match self.looks.iter_mut().find(|look| look.watched.ptr_eq(&new.watched)) {
            Some(look) => look.at = look.at.min(new.at),
            None => self.looks.push(new),
        }
    }
}

impl Look {
    /// Looks, and says when to look again.
    fn done(self, now: Instant) -> Option<Self> {
        let watched = self.watched.upgrade()?;
        // Whoever is told may panic: others are looked at all the same.
        let looked = catch_unwind(AssertUnwindSafe(|| watched.look(now)));
        let at = looked.unwrap_or(Some(now + AFTER_PANIC))?;
        Some(Self { at, ..self })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    /// Tells each look, and wants so many more, each a millisecond after the one before.
    struct Told {
        name: &'static str,
        more: Mutex<u32>,
        looks: mpsc::Sender<(&'static str, Instant)>,
    }

    impl Watched for Told {
        fn look(&self, now: Instant) -> Option<Instant> {
            self.looks.send((self.name, now)).expect("the test waits for it");
            let mut more = self.more.lock().unwrap();
            *more = more.checked_sub(1)?;
            Some(now + Duration::from_millis(1))
        }
    }

    fn start() -> &'static Watchdog {
        let watchdog: &'static Watchdog = Box::leak(Box::new(Watchdog::new()));
        watchdog.start().expect("a thread");
        watchdog
    }

    fn weak(watched: &Arc<Told>) -> Weak<dyn Watched> {
        Arc::downgrade(watched) as Weak<dyn Watched>
    }

    #[test]
    fn each_is_looked_at_when_it_has_said_and_not_before_and_no_more_once_it_is_gone() {
        let (watchdog, (looks, told)) = (start(), mpsc::channel());
        let watched = |name, more| Arc::new(Told { name, more: Mutex::new(more), looks: looks.clone() });
        let (once, thrice, gone) = (watched("once", 0), watched("thrice", 2), watched("gone", 9));
        let looked_at = [weak(&once), weak(&thrice), weak(&gone)];
        drop(gone);
        let (now, ms) = (Instant::now(), Duration::from_millis(1));
        looked_at
            .into_iter()
            .zip([10, 5, 1])
            .for_each(|(watched, at)| watchdog.look_at(now + at * ms, watched));
        let mut all: Vec<_> = (0..4).map(|_| told.recv().expect("it looks")).collect();
        all.sort_by_key(|look| look.0);
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["once", "thrice", "thrice", "thrice"]);
        assert!(all[0].1 >= now + 10 * ms && all[1].1 >= now + 5 * ms);
        assert!(all[2].1 >= all[1].1 + ms && all[3].1 >= all[2].1 + ms);
    }

    #[test]
    fn it_is_woken_for_what_is_sooner() {
        let (watchdog, (looks, told)) = (start(), mpsc::channel());
        let watched = |name| Arc::new(Told { name, more: Mutex::new(0), looks: looks.clone() });
        let (late, soon) = (watched("late"), watched("soon"));
        watchdog.look_at(Instant::now() + Duration::from_secs(3600), weak(&late));
        // It seldom waits already when it is told the first one.
        for _ in 0..20 {
            watchdog.look_at(Instant::now(), weak(&soon));
            let (name, _) = told.recv_timeout(Duration::from_secs(60)).expect("it is woken");
            assert_eq!(name, "soon");
        }
    }

    #[test]
    fn what_is_told_of_again_and_again_is_looked_at_once() {
        let (watchdog, (looks, _told)) = (Watchdog::new(), mpsc::channel());
        let [a, b] =
            ["a", "b"].map(|name| Arc::new(Told { name, more: Mutex::new(0), looks: looks.clone() }));
        let (now, ms) = (Instant::now(), Duration::from_millis(1));
        for at in [5, 3, 4] {
            watchdog.look_at(now + at * ms, weak(&a));
            watchdog.look_at(now + 2 * at * ms, weak(&b));
        }
        let at: Vec<_> = watchdog.state().looks.iter().map(|look| look.at).collect();
        assert_eq!(at, [now + 3 * ms, now + 6 * ms]);
    }

    struct Panics;

    impl Watched for Panics {
        fn look(&self, _: Instant) -> Option<Instant> {
            panic!("as a test wants it");
        }
    }

    #[test]
    fn the_others_are_looked_at_where_one_panics() {
        let (watchdog, (looks, told)) = (start(), mpsc::channel());
        let (panics, other) =
            (Arc::new(Panics), Arc::new(Told { name: "other", more: Mutex::new(0), looks }));
        let now = Instant::now();
        watchdog.look_at(now, Arc::downgrade(&panics) as Weak<dyn Watched>);
        watchdog.look_at(now + Duration::from_millis(1), weak(&other));
        assert_eq!(told.recv_timeout(Duration::from_secs(60)).expect("it looks").0, "other");
    }
}
