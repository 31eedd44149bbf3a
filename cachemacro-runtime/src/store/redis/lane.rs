//! Connections: a few, shared by all callers, each kept up by a task of its own.
//!
//! All operations on a key take the same lane, so that the server sees them in the order in which
//! they were sent: a release that follows a dropped lookup arrives after it. That order is not kept
//! across a reconnect; a lease that is orphaned there ends with its ttl.
//!
//! # When a connection is given up
//!
//! When it breaks: its task sees that at once, even if nothing is being asked. And when it is
//! silent: [`DOUBT_TIMEOUTS`] operations in a row ran out of their budget with no answer in between,
//! over at least [`DOUBT_AFTER`]; the task then sends a PING and waits for it as long as connecting
//! may take. A server that is merely slow answers it and keeps its connection.
//!
//! While there is no connection, operations fail at once and the task dials again, with growing
//! pauses, until the store is closed or dropped.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use redis::{Pipeline, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::dialler::{Connected, Dialler, ping};
use super::failure::Failure;
use super::replies::{value, values};
use super::wire::Wire;
use crate::task::Tasks;

/// Fewer timeouts than this in a row say nothing about the connection.
const DOUBT_TIMEOUTS: u32 = 3;
/// A shorter silence says nothing about the connection.
const DOUBT_AFTER: Duration = Duration::from_secs(2);
/// The first pause before a redial; it doubles up to the last.
pub(super) const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause, and how long a connection has to live for the pauses to start anew.
pub(super) const PAUSE_LAST: Duration = Duration::from_secs(2);

/// One shared connection, or the lack of it.
pub(super) struct Lane {
    slot: ArcSwapOption<Wire>,
    /// Why the slot is empty. Taken on the way to an error alone, and never across an await.
    absence: Mutex<Failure>,
    /// How long an operation takes at most.
    budget: Duration,
    silence: Silence,
    doubt: Arc<Notify>,
    /// The connections that all lanes have made.
    sessions: Arc<watch::Sender<u64>>,
}

impl Lane {
    /// A lane with this connection in it, before its task runs, or with none yet.
    pub(super) fn new(
        fresh: Option<&Connected>,
        budget: Duration,
        sessions: Arc<watch::Sender<u64>>,
    ) -> Self {
        Self {
            slot: ArcSwapOption::new(fresh.map(|connected| Arc::clone(&connected.wire))),
            absence: Mutex::new(Failure::NOT_YET),
            budget,
            silence: Silence::new(),
            doubt: Arc::new(Notify::new()),
            sessions,
        }
    }

    /// Sends commands in one write and returns a reply to each, errors of the server among them.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the commands are sent or not; what is sent later on this lane arrives later.
    pub(super) async fn call(&self, commands: &Pipeline, deadline: Instant) -> Result<Vec<Value>, Failure> {
        let replies = self.ask(commands.get_packed_pipeline(), commands.len(), deadline).await?;
        values(replies, commands.len())
    }

    /// Sends one packed command and returns its reply, an error of the server as it is; see [`call`](Self::call).
    pub(super) async fn call_one(&self, command: Vec<u8>, deadline: Instant) -> Result<Value, Failure> {
        value(&self.ask(command, 1, deadline).await?)
    }

    /// Sends packed commands in one write and returns the replies as they came.
    ///
    /// # Cancel safety
    ///
    /// As that of [`call`](Self::call).
    pub(super) async fn ask(
        &self,
        commands: Vec<u8>,
        replies: usize,
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        let Some(wire) = self.slot.load_full() else {
            return Err(*self.absence.lock().unwrap_or_else(PoisonError::into_inner));
        };
        let answer = wire.ask(commands, replies, deadline).await;
        match answer {
            Ok(_) => self.silence.end(),
            Err(Failure::TIMED_OUT) => {
                // Since the operation began, of which this may have been a second round.
                if self.silence.goes_on(self.began(deadline), Instant::now()) {
                    self.doubt.notify_one();
                }
            }
            Err(_) => {}
        }
        answer
    }

    /// When the operation began that has this deadline: to look at the clock takes longer.
    pub(super) fn began(&self, deadline: Instant) -> Instant {
        deadline - self.budget
    }

    /// How many connections all lanes have made.
    pub(super) fn sessions(&self) -> u64 {
        *self.sessions.borrow()
    }

    fn connected(&self, wire: Arc<Wire>) {
        self.silence.end();
        self.slot.store(Some(wire));
        self.sessions.send_modify(|sessions| *sessions += 1);
    }

    fn disconnected(&self, why: Failure) {
        // The reason first: whoever finds the slot empty reads it.
        *self.absence.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.slot.store(None);
    }
}

/// Keeps a lane connected. Ends when the lane is dropped: the task itself holds no strong reference.
///
/// `fresh` is a connection that was dialled already.
pub(super) async fn keep_up(
    lane: Weak<Lane>,
    dialler: Arc<Dialler>,
    tasks: Tasks,
    mut fresh: Option<Connected>,
) {
    let mut pause = PAUSE_FIRST;
    loop {
        let dialled = match fresh.take() {
            Some(connected) => Ok(connected),
            None => dialler.dial().await,
        };
        let why = match dialled {
            Ok(connected) => {
                let since = Instant::now();
                let why = carry(&lane, connected, &tasks, dialler.timeout).await;
                if since.elapsed() >= PAUSE_LAST {
                    pause = PAUSE_FIRST;
                }
                why
            }
            Err(why) => why,
        };
        match lane.upgrade() {
            Some(lane) => lane.disconnected(why),
            None => return,
        }
        // Not all processes at once: from half the pause to the whole.
        sleep(pause.mul_f64(crate::chance::jitter())).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// Puts a connection into the lane and keeps it until its end; says how it ended.
async fn carry(lane: &Weak<Lane>, connected: Connected, tasks: &Tasks, patience: Duration) -> Failure {
    let Connected { wire, driver } = connected;
    // In a task of its own: a hit wakes it twice, and should wake nothing else.
    let Some(driver) = tasks.spawn_awaited(driver) else { return Failure::CLOSED };
    let driver = AbortOnDropHandle::new(driver);
    let mut driver = pin!(async { driver.await.unwrap_or(Failure::LOST) });
    let doubt = match lane.upgrade() {
        Some(lane) => {
            lane.connected(wire);
            lane.doubt.clone()
        }
        None => return Failure::LOST,
    };
    loop {
        tokio::select! {
            why = driver.as_mut() => return why,
            () = doubt.notified() => {}
        }
        let wire = lane.upgrade().and_then(|lane| lane.slot.load_full());
        let Some(wire) = wire else { return Failure::LOST };
        if let Err(why) = ping(&wire, driver.as_mut(), patience).await {
            return why;
        }
        if let Some(lane) = lane.upgrade() {
            lane.silence.end();
        }
    }
}

/// How long a lane has not answered. Exact only to the point of telling seconds from milliseconds.
struct Silence {
    epoch: Instant,
    timeouts: AtomicU32,
    since_ms: AtomicU64,
}

impl Silence {
    fn new() -> Self {
        Self { epoch: Instant::now(), timeouts: AtomicU32::new(0), since_ms: AtomicU64::new(0) }
    }

    /// An answer came.
    fn end(&self) {
        // Read before written: callers on all cores share this line.
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    /// An operation timed out. Says whether the connection is in doubt now; then the count starts anew.
    fn goes_on(&self, sent_at: Instant, now: Instant) -> bool {
        let ms = |at: Instant| u64::try_from((at - self.epoch).as_millis()).unwrap_or(u64::MAX);
        let timeouts = self.timeouts.fetch_add(1, Ordering::Relaxed) + 1;
        if timeouts == 1 {
            self.since_ms.store(ms(sent_at), Ordering::Relaxed);
        }
        let silent_ms = ms(now).saturating_sub(self.since_ms.load(Ordering::Relaxed));
        let in_doubt = timeouts >= DOUBT_TIMEOUTS && u128::from(silent_ms) >= DOUBT_AFTER.as_millis();
        if in_doubt {
            self.timeouts.store(0, Ordering::Relaxed);
        }
        in_doubt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_in_doubt_after_three_timeouts_over_two_seconds() {
        let silence = Silence::new();
        let at = |ms| silence.epoch + Duration::from_millis(ms);
        assert!(!silence.goes_on(at(0), at(250)));
        assert!(!silence.goes_on(at(0), at(250)));
        assert!(!silence.goes_on(at(0), at(250)), "many at once are one silence");
        assert!(silence.goes_on(at(1_800), at(2_050)));
        assert!(!silence.goes_on(at(1_800), at(2_050)), "the count starts anew");
    }

    #[test]
    fn an_answer_ends_the_silence() {
        let silence = Silence::new();
        let at = |ms| silence.epoch + Duration::from_millis(ms);
        assert!(!silence.goes_on(at(0), at(250)));
        assert!(!silence.goes_on(at(1_000), at(1_250)));
        silence.end();
        assert!(!silence.goes_on(at(2_000), at(2_250)));
        assert!(!silence.goes_on(at(3_000), at(3_250)));
        assert!(silence.goes_on(at(4_000), at(4_250)));
    }
}
