//! The stream of a connection, and what is under way on it.
//!
//! It speaks RESP2, which has no messages that nobody has asked for: replies come in the order of the commands.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::failure::Failure;
use super::replies::Measure;
use super::wire::{Awaited, Caller, Request};

/// What is taken from the queue and not yet written, in bytes, before more is taken.
const OUTGOING_MAX: usize = 64 << 10;
/// What is read at once, in bytes: the values of a large batch.
const READ_LEN: usize = 64 << 10;
/// With less room than this, there is more made for the next read.
const READ_LEN_MIN: usize = 8 << 10;

pub(super) struct Line {
    /// Or why the connection is over.
    stream: Result<Pin<Box<dyn Stream>>, Failure>,
    outgoing: BytesMut,
    /// Those whose commands are written, or about to be, in this order.
    awaited: VecDeque<Awaited>,
    incoming: BytesMut,
    /// How far the replies to the first of them are in.
    measure: Measure,
}

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Line {
    pub(super) fn over(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self {
            stream: Ok(Box::pin(stream)),
            outgoing: BytesMut::new(),
            awaited: VecDeque::new(),
            incoming: BytesMut::new(),
            measure: Measure::of(0),
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.awaited.is_empty() && self.outgoing.is_empty()
    }

    /// How many wait for replies.
    pub(super) fn awaited(&self) -> usize {
        self.awaited.len()
    }

    /// Writes what `next` brings and reads, until neither goes on; ready when the connection is over.
    pub(super) fn drive(
        &mut self,
        next: impl FnMut() -> Result<Option<Request>, Failure>,
        context: &mut Context<'_>,
    ) -> Poll<Failure> {
        if let Err(why) = self.stream {
            return Poll::Ready(why);
        }
        // Both ways each time: a server that waits to be read from does not read.
        let written = self.write(next, context);
        let read = self.read(context);
        match (written, read) {
            (Poll::Ready(Err(why)), _) | (_, Poll::Ready(Err(why))) => Poll::Ready(why),
            _ => Poll::Pending,
        }
    }

    /// Lets the callers go whose time is over, and waits for their replies all the same; says when the next one's will be.
    pub(super) fn expire(&mut self, now: Instant, over: &mut Vec<Caller>) -> Option<Instant> {
        self.awaited.iter_mut().filter_map(|awaited| awaited.expire(now, over)).min()
    }

    /// Closes the stream; nobody waits any more.
    pub(super) fn end(&mut self, why: Failure) {
        self.stream = Err(why);
        self.awaited.clear();
    }

    /// Writes what is asked for, until there is nothing to be written, or the stream takes no more.
    fn write(
        &mut self,
        mut next: impl FnMut() -> Result<Option<Request>, Failure>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        loop {
            let is_idle = self.take(&mut next)?;
            while !self.outgoing.is_empty() {
                let stream = self.stream.as_mut().map_err(|why| *why)?;
                match ready!(stream.as_mut().poll_write(context, &self.outgoing)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::LOST)),
                    Ok(written) => self.outgoing.advance(written),
                }
            }
            if is_idle {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Takes requests; says whether there are no more.
    fn take(&mut self, next: &mut impl FnMut() -> Result<Option<Request>, Failure>) -> Result<bool, Failure> {
        while self.outgoing.len() < OUTGOING_MAX {
            let Some(Request { commands, reply }) = next()? else { return Ok(true) };
            // Who has left before anything was sent is not asked for.
            if reply.caller.as_ref().is_some_and(|caller| !caller.is_closed()) {
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
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if self.incoming.capacity() - self.incoming.len() < READ_LEN_MIN {
                self.incoming.reserve(READ_LEN.max(self.incoming.len()));
            }
            let stream = self.stream.as_mut().map_err(|why| *why)?;
            match ready!(poll_read_buf(stream.as_mut(), context, &mut self.incoming)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Failure::LOST)),
                Ok(_) => self.answer()?,
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
            if let Some(Awaited { caller: Some(caller), .. }) = self.awaited.pop_front() {
                // Who has left needs none.
                let _ = caller.send(Ok(replies));
            }
            self.measure = Measure::of(self.awaited.front().map_or(0, |next| next.replies));
        }
        Ok(())
    }
}
