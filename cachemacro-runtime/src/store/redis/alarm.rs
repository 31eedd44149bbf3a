//! When a connection looks for callers whose time is over.
//!
//! There is one of these for all who ask, and no timer for each: an answer in time, as nearly all are, sets none. On Linux it is not one
//! of the runtime's either, where that has none to wait for: to wait for events no longer than until some moment has the kernel set a
//! timer each time, which is a fortieth of what a lone caller's hit takes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

pub(super) struct Alarm {
    /// What it is set to.
    set: Option<(Instant, Timer)>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { set: None }
    }

    /// One by the runtime's own timers.
    #[cfg(test)]
    pub(super) fn by_runtime() -> Self {
        let now = Instant::now();
        Self { set: Some((now, Timer::Runtime(Box::pin(sleep_until(now))))) }
    }

    /// Ready once it is `at`; wakes the task then, if it is not yet. Never, without a time.
    pub(super) fn poll(&mut self, at: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        let mut timer = match self.set.take() {
            Some((set_to, timer)) if set_to == at => timer,
            Some((_, timer)) => timer.set(at),
            None => Timer::new().set(at),
        };
        let is_over = timer.poll(at, context);
        self.set = Some((at, timer));
        is_over
    }
}

enum Timer {
    #[cfg(target_os = "linux")]
    Kernel(kernel::Timer),
    Runtime(Pin<Box<Sleep>>),
}

impl Timer {
    fn new() -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = kernel::Timer::new() {
            return Self::Kernel(timer);
        }
        Self::Runtime(Box::pin(sleep_until(Instant::now())))
    }

    fn set(self, at: Instant) -> Self {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) if timer.set(at).is_ok() => Self::Kernel(timer),
            _ => Self::Runtime(Box::pin(sleep_until(at))),
        }
    }

    fn poll(&mut self, at: Instant, context: &mut Context<'_>) -> Poll<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(timer) => timer.poll(at, context),
            Self::Runtime(sleep) => sleep.as_mut().poll(context),
        }
    }
}

/// A timer that stands beside the sockets: what waits for those is woken by it too.
#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::task::{Context, Poll, ready};
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// Fails where no more descriptors are to be had.
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "sound for what owns its descriptor; what is in its place is not safe to call"
            )]
            AsyncFd::with_interest(fd, Interest::READABLE).map(Self)
        }

        pub(super) fn set(&self, at: Instant) -> io::Result<()> {
            // Zero would be never.
            let left = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let it_value = Timespec::try_from(left).map_err(io::Error::other)?;
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
            Ok(())
        }

        pub(super) fn poll(&mut self, at: Instant, context: &mut Context<'_>) -> Poll<()> {
            loop {
                let Ok(mut rung) = ready!(self.0.poll_read_ready(context)) else {
                    // The runtime is about to end, and all that it carries.
                    return Poll::Pending;
                };
                if at <= Instant::now() {
                    return Poll::Ready(());
                }
                // That was for an earlier time, which nobody has looked at since; or tokio's time stands still.
                rung.clear_ready();
                drop(rung);
                if self.set(at).is_err() {
                    return Poll::Ready(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    /// Both kinds, where there are both.
    fn alarms() -> Vec<Alarm> {
        vec![Alarm::new(), Alarm::by_runtime()]
    }

    #[tokio::test]
    async fn it_rings_at_its_time_each_time_and_not_before() {
        for mut alarm in alarms() {
            for _ in 0..3 {
                let at = Instant::now() + Duration::from_millis(5);
                poll_fn(|context| alarm.poll(Some(at), context)).await;
                assert!(Instant::now() >= at);
            }
        }
    }

    #[tokio::test]
    async fn it_can_be_set_to_another_time_and_to_none() {
        for mut alarm in alarms() {
            let now = Instant::now();
            let (soon, late) = (now + Duration::from_millis(5), now + Duration::from_secs(3600));
            for at in [Some(late), None] {
                poll_fn(|context| Poll::Ready(assert!(alarm.poll(at, context).is_pending()))).await;
            }
            poll_fn(|context| alarm.poll(Some(soon), context)).await;
            // What has rung is not taken for what was set later.
            poll_fn(|context| Poll::Ready(assert!(alarm.poll(Some(late), context).is_pending()))).await;
        }
    }
}
