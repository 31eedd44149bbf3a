//! A connection: the end by which callers send, and the one that moves the bytes.
//!
//! redis-rs logs in, packs commands and reads what single replies say; the way between is our own. redis-rs reads each value
//! of an `MGET` by itself, with a parser that can stop at any byte, and copies it, which is most of what a gathered hit would
//! cost. Here a reply is only measured while it comes in, and handed on as it is.
//!
//! It speaks RESP2, which has no messages that nobody has asked for: replies come in the order of the commands.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::io::{poll_read_buf, poll_write_buf};

use super::failure::Failure;
use super::replies::Measure;

/// Requests that wait for the connection's task; past it, callers wait in line within their budget.
const QUEUE_LEN_MAX: usize = 1024;
/// What is taken from the queue and not yet written, in bytes, before more is taken.
const OUTGOING_MAX: usize = 64 << 10;
/// What is read at once, in bytes: the values of a large batch.
const READ_LEN: usize = 64 << 10;
/// With less room than this, there is more made for the next read.
const READ_LEN_MIN: usize = 8 << 10;

/// The end by which callers send.
pub(super) struct Wire {
    requests: mpsc::Sender<Request>,
}

struct Request {
    commands: Vec<u8>,
    reply: Awaited,
}

/// What a caller waits for.
struct Awaited {
    /// To how many commands.
    replies: usize,
    caller: oneshot::Sender<Bytes>,
}

impl Wire {
    /// A connection over a stream on which nothing is under way.
    pub(super) fn over<S>(stream: S) -> (Self, Carrier<S>) {
        let (sender, requests) = mpsc::channel(QUEUE_LEN_MAX);
        let carrier = Carrier {
            stream,
            requests,
            outgoing: BytesMut::new(),
            awaited: VecDeque::new(),
            incoming: BytesMut::new(),
            measure: Measure::of(0),
        };
        (Self { requests: sender }, carrier)
    }

    /// Sends packed commands in one piece, and returns the replies to them in one.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the commands are sent or not; what is sent later arrives later.
    pub(super) async fn ask(&self, commands: Vec<u8>, replies: usize) -> Result<Bytes, Failure> {
        let (caller, reply) = oneshot::channel();
        let request = Request { commands, reply: Awaited { replies, caller } };
        self.requests.send(request).await.map_err(|_| Failure::LOST)?;
        reply.await.map_err(|_| Failure::LOST)
    }
}

/// The end that moves the bytes; it is over with the connection, and says why.
pub(super) struct Carrier<S> {
    stream: S,
    requests: mpsc::Receiver<Request>,
    outgoing: BytesMut,
    /// Those whose commands are written, or about to be, in this order.
    awaited: VecDeque<Awaited>,
    incoming: BytesMut,
    /// How far the replies to the first of them are in.
    measure: Measure,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Carrier<S> {
    type Output = Failure;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Failure> {
        // Both ways each time: a server that waits to be read from does not read.
        let written = self.write(context);
        let read = self.read(context);
        match (written, read) {
            (Poll::Ready(Err(why)), _) | (_, Poll::Ready(why)) => Poll::Ready(why),
            _ => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Carrier<S> {
    /// Writes what is asked for, until there is nothing to be written, or the stream takes no more.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            let is_idle = self.take(context)?;
            while !self.outgoing.is_empty() {
                match ready!(poll_write_buf(Pin::new(&mut self.stream), context, &mut self.outgoing)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::LOST)),
                    Ok(_) => {}
                }
            }
            if is_idle {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes requests from the queue; says whether it is empty.
    fn take(&mut self, context: &mut Context<'_>) -> Result<bool, Failure> {
        while self.outgoing.len() < OUTGOING_MAX {
            let Request { commands, reply } = match self.requests.poll_recv(context) {
                Poll::Ready(Some(request)) => request,
                // Nobody is left who would ask or wait.
                Poll::Ready(None) => return Err(Failure::LOST),
                Poll::Pending => return Ok(true),
            };
            // Who has left before anything was sent is not asked for.
            if !reply.caller.is_closed() {
                self.outgoing.extend_from_slice(&commands);
                self.await_reply(reply);
            }
        }
        Ok(false)
    }

    fn await_reply(&mut self, reply: Awaited) {
        if self.awaited.is_empty() {
            self.measure = Measure::of(reply.replies);
        }
        self.awaited.push_back(reply);
    }

    /// Reads and answers until nothing more is in; ready when the connection is over.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        loop {
            if self.incoming.capacity() - self.incoming.len() < READ_LEN_MIN {
                self.incoming.reserve(READ_LEN.max(self.incoming.len()));
            }
            match ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut self.incoming)) {
                Ok(0) | Err(_) => return Poll::Ready(Failure::LOST),
                Ok(_) => {}
            }
            if let Err(why) = self.answer() {
                return Poll::Ready(why);
            }
        }
    }

    /// Answers those whose replies are in.
    fn answer(&mut self) -> Result<(), Failure> {
        while !self.incoming.is_empty() {
            if self.awaited.is_empty() {
                return Err(Failure::NO_PROTOCOL);
            }
            if !self.measure.goes_on(&self.incoming)? {
                return Ok(());
            }
            let replies = self.incoming.split_to(self.measure.len()).freeze();
            if let Some(Awaited { caller, .. }) = self.awaited.pop_front() {
                // Who has left needs none.
                let _ = caller.send(replies);
            }
            self.measure = Measure::of(self.awaited.front().map_or(0, |next| next.replies));
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::ErrorKind::WouldBlock;

    use tokio::net::UnixStream;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;
    use crate::task::Tasks;

    /// A connection, and the server's end of it.
    fn connect() -> (Wire, JoinHandle<Failure>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let (wire, carrier) = Wire::over(ours);
        (wire, spawn(carrier), theirs)
    }

    fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        Tasks::new().spawn_awaited(task).expect("there is a runtime")
    }

    /// Waits until the server has read so many bytes, and no more.
    async fn read(server: &UnixStream, len: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < len {
            server.readable().await.expect("an open stream");
            let mut bytes = [0; 1024];
            let room = bytes.len().min(len - all.len());
            match server.try_read(&mut bytes[..room]) {
                Ok(0) => panic!("an open stream"),
                Ok(read) => all.extend_from_slice(&bytes[..read]),
                Err(error) => assert_eq!(error.kind(), WouldBlock),
            }
        }
        all
    }

    async fn write(server: &UnixStream, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            server.writable().await.expect("an open stream");
            match server.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => assert_eq!(error.kind(), WouldBlock),
            }
        }
    }

    #[tokio::test]
    async fn replies_go_to_those_who_asked_however_they_come_in() {
        let (wire, _carrier, server) = connect();
        let server = async {
            assert_eq!(read(&server, 3).await, b"abc");
            for byte in b"+1\r\n$3\r\nfor\r\n:2\r\n*1\r\n+3\r\n" {
                write(&server, &[*byte]).await;
                yield_now().await;
            }
            assert_eq!(read(&server, 2).await, b"de");
            write(&server, b"+4\r\n+5\r\n").await;
        };
        let callers = async {
            let (a, b, c) =
                tokio::join!(wire.ask(b"a".into(), 1), wire.ask(b"b".into(), 2), wire.ask(b"c".into(), 1));
            assert_eq!(
                [a, b, c].map(Result::unwrap),
                [&b"+1\r\n"[..], b"$3\r\nfor\r\n:2\r\n", b"*1\r\n+3\r\n"]
            );
            let (d, e) = tokio::join!(wire.ask(b"d".into(), 1), wire.ask(b"e".into(), 1));
            assert_eq!([d, e].map(Result::unwrap), [&b"+4\r\n"[..], b"+5\r\n"]);
        };
        tokio::join!(server, callers);
    }

    #[tokio::test]
    async fn who_leaves_takes_nobodys_reply() {
        let (wire, _carrier, server) = connect();
        let wire = std::sync::Arc::new(wire);
        let ask = |name: &'static [u8]| {
            let wire = std::sync::Arc::clone(&wire);
            spawn(async move { wire.ask(name.into(), 1).await })
        };
        let sent = ask(b"a");
        read(&server, 1).await;
        sent.abort();
        assert!(sent.await.is_err());
        let (unsent, stays) = (ask(b"b"), ask(b"c"));
        unsent.abort();
        read(&server, 1).await;
        write(&server, b"+a\r\n+c\r\n").await;
        assert_eq!(stays.await.unwrap().unwrap(), &b"+c\r\n"[..]);
    }

    #[tokio::test]
    async fn more_than_the_stream_takes_at_once_goes_out_while_replies_come_in() {
        let (wire, _carrier, server) = connect();
        let (large, asks) = (vec![b'x'; 1 << 20], 8);
        let server = async {
            for _ in 0..asks {
                // It answers as soon as it is asked, and reads later.
                let begun = read(&server, 1).await.len();
                write(&server, format!("${}\r\n", large.len()).as_bytes()).await;
                write(&server, &large).await;
                write(&server, b"\r\n").await;
                read(&server, large.len() - begun).await;
            }
        };
        let callers = async {
            for _ in 0..asks {
                let reply = wire.ask(large.clone(), 1).await.expect("a reply");
                assert!(reply.len() > large.len());
            }
        };
        tokio::join!(callers, server);
    }

    #[tokio::test]
    async fn a_connection_that_ends_is_lost_for_all_who_wait_and_for_who_comes() {
        let (wire, carrier, server) = connect();
        let (first, second, ()) = tokio::join!(wire.ask(b"a".into(), 1), wire.ask(b"b".into(), 2), async {
            read(&server, 2).await;
            write(&server, b"+a\r\n+b").await;
            drop(server);
        });
        assert_eq!((first.unwrap(), second), (Bytes::from_static(b"+a\r\n"), Err(Failure::LOST)));
        assert_eq!(carrier.await.unwrap(), Failure::LOST);
        assert_eq!(wire.ask(b"c".into(), 1).await, Err(Failure::LOST));
    }

    #[tokio::test]
    async fn a_reply_that_nobody_asked_for_ends_the_connection() {
        let (_wire, carrier, server) = connect();
        write(&server, b"+OK\r\n").await;
        assert_eq!(carrier.await.unwrap(), Failure::NO_PROTOCOL);
    }
}
