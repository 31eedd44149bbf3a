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
