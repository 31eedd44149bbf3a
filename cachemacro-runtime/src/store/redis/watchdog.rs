//! Who looks for callers whose time is over: one thread for the process, which is not there before something is connected.
//!
//! A call sets no timer: its connection is looked at when the first deadline on it comes, and then when the next one does, so that an
//! answer in time costs a comparison. A timer of the runtime's for each call took twice what is left of a lone caller's hit beside a bare
//! `GET`, most of it as the kernel then sets one for each wait.
//!
//! It is no task: the runtime that has the connection may be held up by what blocks it, or not be driven any more, while callers on
//! others wait. Deadlines are by the system's clock: where tokio's is paused, they come all the same.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};

use tokio::time::Instant;

use crate::task::spawn_thread;

/// What is looked at.
pub(super) trait Watched: Send + Sync {
    /// Does what is due by now, and says when to look again. It waits for nothing.
    fn look(&self, now: Instant) -> Option<Instant>;
}

pub(super) struct Watchdog {
    state: Mutex<State>,
    is_sooner: Condvar,
}

struct State {
    is_running: bool,
    /// One or two for each connection with callers.
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
        state.looks.push(Look { at, watched });
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
                state.looks.extend(again);
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

impl Look {
    /// Looks, and says when to look again.
    fn done(self, now: Instant) -> Option<Self> {
        let at = self.watched.upgrade()?.look(now)?;
        Some(Self { at, ..self })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

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

    #[test]
    fn each_is_looked_at_when_it_has_said_and_not_before_and_no_more_once_it_is_gone() {
        let watchdog: &'static Watchdog = Box::leak(Box::new(Watchdog::new()));
        let (looks, told) = mpsc::channel();
        let watched = |name, more| Arc::new(Told { name, more: Mutex::new(more), looks: looks.clone() });
        let (late, soon, gone) = (watched("late", 0), watched("soon", 2), watched("gone", 9));
        let weak = |watched: &Arc<Told>| Arc::downgrade(watched) as Weak<dyn Watched>;
        watchdog.start().expect("a thread");
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        // The one that is earlier comes later, so that the thread waits for the other already.
        watchdog.look_at(at(30), weak(&late));
        watchdog.look_at(at(1), weak(&gone));
        drop(gone);
        watchdog.look_at(at(5), weak(&soon));
        let looks: Vec<_> = (0..4).map(|_| told.recv().expect("it looks")).collect();
        let names: Vec<_> = looks.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["soon", "soon", "soon", "late"]);
        assert!(looks[0].1 >= at(5) && looks[3].1 >= at(30));
        assert!(looks[2].1 >= looks[1].1 + Duration::from_millis(1));
    }
}
