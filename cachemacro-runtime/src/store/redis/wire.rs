//! A connection: the end by which callers send, and the one that moves the bytes.
//!
//! redis-rs logs in, packs commands and reads what single replies say; the way between is our own. redis-rs reads each value
//! of an `MGET` by itself, with a parser that can stop at any byte, and copies it, which is most of what a gathered hit would
//! cost. Here a reply is only measured while it comes in, and handed on as it is.
//!
//! Who asks while nothing is under way *leads*: it writes and reads in its own task, and no other one is woken for it. Whatever
//! else there is to do is the carrier's, a task of the connection's own: what is asked for meanwhile, which it sends in one
//! write; what a leader has left behind; and to see that an idle connection ends.
//!
//! Whose time is over is told so by the [watchdog](super::watchdog), whatever the others do.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::asking::Asking;
use super::baton::Baton;
use super::failure::Failure;
use super::line::Line;
use super::watchdog::{WATCHDOG, Watched};

/// Requests that wait to be written; past it, callers wait in line within their budget.
const QUEUE_LEN_MAX: usize = 1024;
/// How long after one look for callers whose time is over the next one comes at the earliest, if nobody comes with less time.
const LOOK_PAUSE: Duration = Duration::from_millis(1);

/// The end by which callers send.
pub(super) struct Wire {
    shared: Arc<Shared>,
}

/// The end that moves the bytes for those who do not lead; it is over with the connection, and says why.
pub(super) struct Carrier {
    shared: Arc<Shared>,
}

/// What is to be moved.
pub(super) struct Request {
    pub(super) commands: Vec<u8>,
    pub(super) reply: Awaited,
}

/// What a caller waits for.
pub(super) struct Awaited {
    /// To how many commands.
    pub(super) replies: usize,
    /// Until when.
    pub(super) deadline: Instant,
    /// None, if it waits no more.
    pub(super) caller: Option<Caller>,
}

/// Where a caller's answer goes.
pub(super) type Caller = oneshot::Sender<Result<Bytes, Failure>>;

pub(super) struct Shared {
    // std's mutexes, never held across an await. This one for a few moves.
    queue: Mutex<Queue>,
    /// Told when there is room in the queue again.
    room: Notify,
    /// For as long as the stream goes on without waiting. Callers do not wait for it, but leave it to the carrier.
    line: Mutex<Line>,
    pub(super) baton: Arc<Baton>,
    /// The baton's, for the stream.
    waker: Waker,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    /// When there is a look for callers whose time is over: that of none is earlier.
    look_at: Option<Instant>,
    /// Whether nothing is taken any more.
    is_over: bool,
}

impl Wire {
    /// A connection over a stream on which nothing is under way.
    pub(super) fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> (Self, Carrier) {
        let baton = Arc::new(Baton::default());
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            room: Notify::new(),
            line: Mutex::new(Line::over(stream)),
            waker: Waker::from(Arc::clone(&baton)),
            baton,
        });
        (Self { shared: Arc::clone(&shared) }, Carrier { shared })
    }

    /// Sends packed commands in one piece, and returns the replies to them in one; or [`Failure::TIMED_OUT`], up to a
    /// millisecond or two after the deadline.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the commands are sent or not; what is sent later arrives later.
    pub(super) async fn ask(
        &self,
        commands: Vec<u8>,
        replies: usize,
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        let (caller, reply) = oneshot::channel();
        let mut request = Request { commands, reply: Awaited { replies, deadline, caller: Some(caller) } };
        while let Some(refused) = self.shared.offer(request)? {
            request = refused;
            // By itself, as nearly nobody comes to it.
            let room = Box::pin(timeout_at(deadline, self.shared.wait_for_room()));
            room.await.map_err(|_| Failure::TIMED_OUT)?;
        }
        Asking::new(&self.shared, reply).await
    }
}

impl Drop for Wire {
    /// Nobody is left who would ask or wait.
    fn drop(&mut self) {
        self.shared.queue().is_over = true;
        self.shared.baton.wake_carrier();
    }
}

impl Future for Carrier {
    type Output = Failure;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Failure> {
        let baton = &self.shared.baton;
        // First, so that nothing that comes from here on is missed.
        baton.carried_by(context.waker());
        let mut line = lock(&self.shared.line);
        let leader = baton.take();
        let driven = self.shared.drive(&mut line);
        drop(line);
        // Its replies may have come, or it leads on.
        leader.into_iter().for_each(Waker::wake);
        driven
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let mut line = lock(&self.shared.line);
        let leader = self.shared.baton.take();
        self.shared.end(&mut line, Failure::LOST);
        drop(line);
        leader.into_iter().for_each(Waker::wake);
    }
}

impl Shared {
    /// Moves bytes both ways until there are none to be moved; then the stream wakes who has the baton. Ready when the connection
    /// is over.
    pub(super) fn drive(&self, line: &mut Line) -> Poll<Failure> {
        let why = line.drive(|| self.take(), &mut Context::from_waker(&self.waker));
        if let Poll::Ready(why) = why {
            self.end(line, why);
            self.baton.wake_carrier();
        }
        why
    }

    /// Puts a request at the end of the queue; gives it back if there is no room.
    fn offer(self: &Arc<Self>, request: Request) -> Result<Option<Request>, Failure> {
        let mut queue = self.queue();
        if queue.is_over {
            return Err(Failure::LOST);
        }
        if queue.is_full() {
            return Ok(Some(request));
        }
        let deadline = request.reply.deadline;
        let is_first = queue.look_at.is_none_or(|look_at| deadline < look_at);
        if is_first {
            queue.look_at = Some(deadline);
        }
        queue.requests.push_back(request);
        if is_first {
            // Not so for each: who comes later mostly has time until later. Before the lock is given back, as they count on it.
            let watched = Arc::downgrade(self);
            WATCHDOG.look_at(deadline, watched as Weak<dyn Watched>);
        }
        Ok(None)
    }

    /// The line, if nobody is at it.
    pub(super) fn free_line(&self) -> Option<MutexGuard<'_, Line>> {
        match self.line.try_lock() {
            Ok(line) => Some(line),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the next request from the queue; fails when there will be none.
    fn take(&self) -> Result<Option<Request>, Failure> {
        let mut queue = self.queue();
        let was_full = queue.requests.len() == QUEUE_LEN_MAX;
        let request = queue.requests.pop_front();
        let is_over = queue.is_over;
        drop(queue);
        if was_full {
            self.room.notify_waiters();
        }
        if request.is_none() && is_over { Err(Failure::LOST) } else { Ok(request) }
    }

    /// Lets nobody wait, and nobody ask any more.
    fn end(&self, line: &mut Line, why: Failure) {
        let mut queue = self.queue();
        queue.is_over = true;
        let unsent = std::mem::take(&mut queue.requests);
        drop(queue);
        self.room.notify_waiters();
        drop(unsent);
        line.end(why);
    }

    async fn wait_for_room(&self) {
        let mut room = pin!(self.room.notified());
        // Before it is looked at: what is told in between is not missed.
        room.as_mut().enable();
        if self.queue().is_full() {
            room.await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

impl Watched for Shared {
    /// Tells the callers whose time is over. What is asked for and not sent yet never is; a reply to what was is nobody's.
    fn look(&self, now: Instant) -> Option<Instant> {
        // Other connections do not wait for this one.
        let Some(mut line) = self.free_line() else { return Some(now + LOOK_PAUSE) };
        let mut over = Vec::new();
        let mut next = line.expire(now, &mut over);
        let mut queue = self.queue();
        let was_full = queue.is_full();
        queue.requests.retain_mut(|request| {
            let deadline = request.reply.expire(now, &mut over);
            next = next.into_iter().chain(deadline).min();
            deadline.is_some()
        });
        let look_at = next.map(|deadline| deadline.max(now + LOOK_PAUSE));
        queue.look_at = look_at;
        drop(queue);
        if was_full {
            self.room.notify_waiters();
        }
        if over.is_empty() {
            return look_at;
        }
        // It may be one of them. Who leads looks for its answer under the line's lock, under which all of them are told: what it
        // does not find there is yet to come, and whoever brings it finds the baton.
        self.baton.take().into_iter().for_each(Waker::wake);
        for caller in over {
            let _ = caller.send(Err(Failure::TIMED_OUT));
        }
        drop(line);
        // A leader that the stream has woken leaves without having moved the bytes.
        self.baton.wake_carrier();
        look_at
    }
}

impl Awaited {
    /// Lets the caller go if its time is over; otherwise says until when it waits, if it does.
    pub(super) fn expire(&mut self, now: Instant, over: &mut Vec<Caller>) -> Option<Instant> {
        // Who has left waits for nothing.
        let caller = self.caller.take().filter(|caller| !caller.is_closed())?;
        if now < self.deadline {
            self.caller = Some(caller);
            return Some(self.deadline);
        }
        over.push(caller);
        None
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        self.requests.len() == QUEUE_LEN_MAX && !self.is_over
    }
}

/// No code runs under these locks but the stream's and that of wakers: nothing that panics leaves a request half moved.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests;
