//! What stands between a child and the server, and lets through what it is told to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How bytes are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As they come.
    Pass,
    /// Not at all: connections are ended.
    Cut,
    /// Once this is over.
    Stall { requests: bool, replies: bool },
    /// Those of one direction are lost, so that the connection is of no more use once this is over.
    Drop(Direction),
    /// This many at a time.
    Split(usize),
    /// Each piece this much later.
    Delay(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Requests,
    Replies,
}

/// How bytes are moved on a child's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Modes {
    all: Mode,
    /// On those on which changes are told, if it is another.
    link: Option<Mode>,
}

/// A proxy with a port of its own.
pub(super) struct Proxy {
    port: u16,
    modes: watch::Sender<Modes>,
}

impl Proxy {
    /// Serves until its runtime ends.
    pub(super) async fn start(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (modes, told) = watch::channel(Modes { all: Mode::Pass, link: None });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if told.borrow().all != Mode::Cut {
                    let told = Told { modes: told.clone(), is_link: Arc::default() };
                    tokio::spawn(carry(client, server, told));
                }
            }
        });
        Ok(Self { port, modes })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn set(&self, mode: Mode) {
        self.modes.send_modify(|modes| modes.all = mode);
    }

    /// The same, for the connection alone on which changes are told.
    pub(super) fn set_link(&self, mode: Option<Mode>) {
        self.modes.send_modify(|modes| modes.link = mode);
    }
}

/// What a connection is told.
#[derive(Clone)]
struct Told {
    modes: watch::Receiver<Modes>,
    /// Whether changes are told on it.
    is_link: Arc<AtomicBool>,
}

impl Told {
    fn mode(&self) -> Mode {
        self.of(&self.modes.borrow())
    }

    fn of(&self, modes: &Modes) -> Mode {
        let link = modes.link.filter(|_| self.is_link.load(Ordering::Relaxed));
        link.unwrap_or(modes.all)
    }

    /// Waits for a mode, and returns it; once there is no proxy any more, it is cut.
    async fn until(&mut self, is: impl Fn(Mode) -> bool) -> Mode {
        loop {
            let mode = self.mode();
            if is(mode) {
                return mode;
            }
            if self.modes.changed().await.is_err() {
                return Mode::Cut;
            }
        }
    }
}

/// What a client asks for who is to be told of changes.
const TRACKING: &[u8] = b"TRACKING";

/// Carries one connection to its end.
async fn carry(client: TcpStream, server: u16, mut told: Told) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = pump(from_client, to_server, told.clone(), Direction::Requests);
    let replies = pump(from_server, to_client, told.clone(), Direction::Replies);
    // Where one direction ends so does the other: Redis and its clients know no half-open connections.
    tokio::select! {
        ended = requests => ended,
        ended = replies => ended,
        _ = told.until(|mode| mode == Mode::Cut) => Ok(()),
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut told: Told,
    direction: Direction,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    let mut has_lost = false;
    loop {
        let len = tokio::select! {
            read = from.read(&mut buffer) => read?,
            () = is_healed(&mut told, has_lost) => return Ok(()),
        };
        if len == 0 {
            return Ok(());
        }
        if direction == Direction::Requests && buffer[..len].windows(TRACKING.len()).any(|at| at == TRACKING)
        {
            told.is_link.store(true, Ordering::Relaxed);
        }
        match told.until(|mode| !direction.is_stalled_by(mode)).await {
            Mode::Cut => return Ok(()),
            Mode::Drop(lost) if lost == direction => has_lost = true,
            _ if has_lost => return Ok(()),
            Mode::Split(size) => {
                for piece in buffer[..len].chunks(size) {
                    to.write_all(piece).await?;
                    // The rest goes at once when this is over.
                    if matches!(told.mode(), Mode::Split(_)) {
                        sleep(Duration::from_micros(200)).await;
                    }
                }
            }
            Mode::Delay(late) => {
                sleep(late).await;
                to.write_all(&buffer[..len]).await?;
            }
            Mode::Pass | Mode::Stall { .. } | Mode::Drop(_) => to.write_all(&buffer[..len]).await?,
        }
    }
}

/// Waits until nothing is lost any more, if something was.
async fn is_healed(told: &mut Told, has_lost: bool) {
    if has_lost {
        told.until(|mode| !matches!(mode, Mode::Drop(_))).await;
    } else {
        std::future::pending().await
    }
}

impl Direction {
    fn is_stalled_by(self, mode: Mode) -> bool {
        match (mode, self) {
            (Mode::Stall { requests, .. }, Self::Requests) => requests,
            (Mode::Stall { replies, .. }, Self::Replies) => replies,
            _ => false,
        }
    }
}
