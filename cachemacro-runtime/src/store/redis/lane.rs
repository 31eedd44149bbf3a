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

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisConnectionInfo, Value,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::failure::Failure;

/// Fewer timeouts than this in a row say nothing about the connection.
const DOUBT_TIMEOUTS: u32 = 3;
/// A shorter silence says nothing about the connection.
const DOUBT_AFTER: Duration = Duration::from_secs(2);
/// The first pause before a redial; it doubles up to the last.
pub(super) const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause, and how long a connection has to live for the pauses to start anew.
pub(super) const PAUSE_LAST: Duration = Duration::from_secs(2);
/// Commands that wait for the socket's task; past it, callers wait in line within their budget.
const QUEUE_LEN_MAX: usize = 1024;

/// One shared connection, or the lack of it.
pub(super) struct Lane {
    slot: ArcSwapOption<MultiplexedConnection>,
    /// Why the slot is empty. Taken on the way to an error alone, and never across an await.
    absence: Mutex<Failure>,
    silence: Silence,
    doubt: Arc<Notify>,
    /// The connections that all lanes have made.
    sessions: Arc<watch::Sender<u64>>,
}

impl Lane {
    /// A lane with this connection in it, before its task runs, or with none yet.
    pub(super) fn new(fresh: Option<&Connected>, sessions: Arc<watch::Sender<u64>>) -> Self {
        Self {
            slot: ArcSwapOption::from_pointee(fresh.map(|connected| connected.connection.clone())),
            absence: Mutex::new(Failure::NOT_YET),
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
        let mut connection = self.connection()?;
        self.answer(connection.send_packed_commands(commands, 0, commands.len()), deadline).await
    }

    /// Sends one command and returns its reply, an error of the server as it is; see [`call`](Self::call).
    pub(super) async fn call_one(&self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let mut connection = self.connection()?;
        self.answer(connection.send_packed_command(command), deadline).await
    }

    fn connection(&self) -> Result<MultiplexedConnection, Failure> {
        let connection = self.slot.load().as_deref().cloned();
        connection.ok_or_else(|| *self.absence.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answer<T>(
        &self,
        asking: impl Future<Output = redis::RedisResult<T>>,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let sent_at = Instant::now();
        match timeout_at(deadline, asking).await {
            Ok(Ok(reply)) => {
                self.silence.end();
                Ok(reply)
            }
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => {
                if self.silence.goes_on(sent_at, Instant::now()) {
                    self.doubt.notify_one();
                }
                Err(Failure::TIMED_OUT)
            }
        }
    }

    /// How many connections all lanes have made.
    pub(super) fn sessions(&self) -> u64 {
        *self.sessions.borrow()
    }

    fn connected(&self, connection: MultiplexedConnection) {
        self.silence.end();
        self.slot.store(Some(Arc::new(connection)));
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
pub(super) async fn keep_up(lane: Weak<Lane>, dialler: Arc<Dialler>, mut fresh: Option<Connected>) {
    let mut pause = PAUSE_FIRST;
    loop {
        let dialled = match fresh.take() {
            Some(connected) => Ok(connected),
            None => dialler.dial().await,
        };
        let why = match dialled {
            Ok(connected) => {
                let since = Instant::now();
                let why = carry(&lane, connected, dialler.timeout).await;
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

/// Puts a connection into the lane and drives it to its end; says how it ended.
async fn carry(lane: &Weak<Lane>, connected: Connected, patience: Duration) -> Failure {
    let Connected { connection, mut driver } = connected;
    let doubt = match lane.upgrade() {
        Some(lane) => {
            lane.connected(connection);
            lane.doubt.clone()
        }
        None => return Failure::LOST,
    };
    loop {
        tokio::select! {
            () = &mut driver => return Failure::LOST,
            () = doubt.notified() => {}
        }
        let connection = lane.upgrade().and_then(|lane| lane.slot.load_full());
        let Some(connection) = connection.as_deref().cloned() else { return Failure::LOST };
        if let Err(why) = ping(connection, &mut driver, patience).await {
            return why;
        }
        if let Some(lane) = lane.upgrade() {
            lane.silence.end();
        }
    }
}

/// Whether the server answers, whatever it says.
async fn ping(
    mut connection: MultiplexedConnection,
    driver: &mut Driver,
    patience: Duration,
) -> Result<Value, Failure> {
    let ping = redis::cmd("PING");
    let answer = timeout(patience, connection.send_packed_command(&ping));
    tokio::select! {
        () = driver => Err(Failure::LOST),
        answer = answer => match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => Err(Failure::UNANSWERED),
        }
    }
}

/// What it takes to make a connection.
pub(super) struct Dialler {
    pub(super) server: ConnectionInfo,
    pub(super) timeout: Duration,
}

/// A connection and the future that moves its bytes: dropping that one closes the socket.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Driver,
}

pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Dialler {
    /// Connects, logs in and gets a first answer, so that a server which only accepts is not taken for one that serves.
    pub(super) async fn dial(&self) -> Result<Connected, Failure> {
        let dial = async {
            let config = AsyncConnectionConfig::new().set_pipeline_buffer_size(QUEUE_LEN_MAX);
            let mut connected = self.open(self.server.redis_settings(), config).await?;
            match ping(connected.connection.clone(), &mut connected.driver, self.timeout).await? {
                // A user who may not PING is logged in all the same.
                Value::ServerError(error) if error.code() != "NOPERM" => Err(Failure::from(&error)),
                _ => Ok(connected),
            }
        };
        timeout(self.timeout, dial).await.unwrap_or(Err(Failure::UNANSWERED))
    }

    /// Connects and logs in.
    pub(super) async fn open(
        &self,
        settings: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<Connected, Failure> {
        match self.server.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = tcp(host, *port).await.map_err(|e| Failure::from(&e))?;
                log_in(stream, settings, config).await
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await.map_err(|e| Failure::from(&e))?;
                log_in(stream, settings, config).await
            }
            _ => Err(Failure::ODD_REPLY),
        }
    }
}

async fn log_in<S>(
    stream: S,
    settings: &RedisConnectionInfo,
    config: AsyncConnectionConfig,
) -> Result<Connected, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    // Each operation has a deadline of its own, and so has the dialling.
    let config = config.set_response_timeout(None).set_connection_timeout(None);
    MultiplexedConnection::new_with_config(settings, stream, config)
        .await
        .map(|(connection, driver)| Connected { connection, driver: Box::pin(driver) })
        .map_err(|error| Failure::from(&error))
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // Commands are written whole: waiting to merge them only adds delay.
    stream.set_nodelay(true)?;
    Ok(stream)
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

    #[tokio::test]
    async fn small_commands_are_not_held_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let stream = tcp("127.0.0.1", port).await.expect("a connection");
        assert!(stream.nodelay().expect("the option"));
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
