//! Connecting and logging in.
//!
//! redis-rs logs in, over a stream that is lent to it; a lane then takes it back.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisConnectionInfo, Value,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::failure::Failure;
use super::replies::value;
use super::watchdog::WATCHDOG;
use super::wire::Wire;

/// What it takes to make a connection.
pub(super) struct Dialler {
    pub(super) server: ConnectionInfo,
    pub(super) timeout: Duration,
}

/// A lane's connection and the future that moves its bytes: dropping that one closes the socket.
pub(super) struct Connected {
    pub(super) wire: Arc<Wire>,
    pub(super) driver: Driver,
}

/// It is over with the connection, and says why.
pub(super) type Driver = Pin<Box<dyn Future<Output = Failure> + Send>>;

/// A connection of redis-rs and the future that moves its bytes: dropping that one closes the socket.
pub(super) struct Logged {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Dialler {
    /// Connects, logs in and gets a first answer, so that a server which only accepts is not taken for one that serves.
    pub(super) async fn dial(&self) -> Result<Connected, Failure> {
        let dial = async {
            let mut connected = match self.server.addr() {
                ConnectionAddr::Tcp(host, port) => self.wired(tcp(host, *port).await).await?,
                #[cfg(unix)]
                ConnectionAddr::Unix(path) => self.wired(tokio::net::UnixStream::connect(path).await).await?,
                _ => return Err(Failure::ODD_REPLY),
            };
            match ping(&connected.wire, connected.driver.as_mut(), self.timeout).await? {
                // A user who may not PING is logged in all the same.
                Value::ServerError(error) if error.code() != "NOPERM" => Err(Failure::from(&error)),
                _ => Ok(connected),
            }
        };
        timeout(self.timeout, dial).await.unwrap_or(Err(Failure::UNANSWERED))
    }

    /// Logs in, and takes the stream back.
    async fn wired<S>(&self, stream: io::Result<S>) -> Result<Connected, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Without it, there would be no bound on what is asked for.
        WATCHDOG.start().map_err(|_| Failure::NO_THREAD)?;
        let stream = Arc::new(Mutex::new(stream.map_err(|error| Failure::from(&error))?));
        // The one without messages that nobody has asked for.
        let settings = self.server.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        drop(log_in(Lent(Arc::clone(&stream)), &settings, AsyncConnectionConfig::new()).await?);
        let stream = Arc::into_inner(stream).ok_or(Failure::LOST)?;
        let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (wire, carrier) = Wire::over(stream);
        Ok(Connected { wire: Arc::new(wire), driver: Box::pin(carrier) })
    }

    /// Connects and logs in, for a connection that redis-rs keeps.
    pub(super) async fn open(
        &self,
        settings: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<Logged, Failure> {
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

/// Whether the server answers, whatever it says.
pub(super) async fn ping(
    wire: &Wire,
    driver: Pin<&mut (impl Future<Output = Failure> + ?Sized)>,
    patience: Duration,
) -> Result<Value, Failure> {
    let answer = wire.ask(redis::cmd("PING").get_packed_command(), 1, Instant::now() + patience);
    tokio::select! {
        why = driver => Err(why),
        answer = answer => match answer {
            Err(Failure::TIMED_OUT) => Err(Failure::UNANSWERED),
            answer => value(&answer?),
        },
    }
}

async fn log_in<S>(
    stream: S,
    settings: &RedisConnectionInfo,
    config: AsyncConnectionConfig,
) -> Result<Logged, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Each operation has a deadline of its own, and so has the dialling.
    let config = config.set_response_timeout(None).set_connection_timeout(None);
    MultiplexedConnection::new_with_config(settings, stream, config)
        .await
        .map(|(connection, driver)| Logged { connection, driver: Box::pin(driver) })
        .map_err(|error| Failure::from(&error))
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // Commands are written whole: waiting to merge them only adds delay.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A stream in the hands of redis-rs, for as long as it takes to log in.
struct Lent<S>(Arc<Mutex<S>>);

impl<S> Lent<S> {
    fn stream(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(context, bytes)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_commands_are_not_held_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let stream = tcp("127.0.0.1", port).await.expect("a connection");
        assert!(stream.nodelay().expect("the option"));
    }
}
