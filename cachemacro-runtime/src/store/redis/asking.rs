//! A caller's part in moving the bytes of a connection: who comes while nothing is under way moves them itself.
//!
//! A hit of one caller alone is then one task's work: to wake another one for the write and to be woken by it for the reply is
//! two turns of the runtime more.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::task::unconstrained;

use super::failure::Failure;
use super::wire::Shared;

/// A caller whose request is in the queue.
pub(super) struct Asking<'a> {
    shared: &'a Shared,
    reply: oneshot::Receiver<Result<Bytes, Failure>>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// It moves the bytes. Whoever does that in its place wakes it.
    Leads,
    /// The carrier moves them.
    Waits,
}

impl Future for Asking<'_> {
    type Output = Result<Bytes, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.stage != Stage::Waits
            && let Some(answer) = self.lead(context.waker())
        {
            // There is nothing to be left to the carrier.
            self.stage = Stage::Waits;
            return Poll::Ready(answer);
        }
        match self.stage {
            Stage::Leads => Poll::Pending,
            Stage::New | Stage::Waits => {
                // Whatever else its task has done: a poll that is put off would leave no waker behind.
                let reply = pin!(unconstrained(&mut self.reply)).poll(context);
                reply.map(|reply| reply.unwrap_or(Err(Failure::LOST)))
            }
        }
    }
}

impl<'a> Asking<'a> {
    pub(super) fn new(shared: &'a Shared, reply: oneshot::Receiver<Result<Bytes, Failure>>) -> Self {
        Self { shared, reply, stage: Stage::New }
    }

    /// Moves the bytes where no others wait for theirs, and returns the replies if they are in.
    fn lead(&mut self, waker: &Waker) -> Option<Result<Bytes, Failure>> {
        let Some(mut line) = self.shared.free_line() else {
            self.leave_to_carrier();
            return None;
        };
        // Asked under the lock: without its replies it is still awaited, and no other one can lead.
        if self.stage == Stage::Leads
            && let Some(answer) = self.answer()
        {
            return Some(answer);
        }
        // What is only in part written keeps the next ones in the queue: who led them would not be awaited.
        let are_others = if self.stage == Stage::Leads { line.awaited() > 1 } else { !line.is_idle() };
        if are_others {
            drop(line);
            // Those who come together are sent in one write.
            self.leave_to_carrier();
            return None;
        }
        self.shared.baton.take();
        // Why the connection is over is the carrier's to tell.
        let _ = self.shared.drive(&mut line);
        let answer = self.answer();
        if answer.is_none() {
            self.stage = Stage::Leads;
            self.shared.baton.give(waker);
        }
        answer
    }

    fn leave_to_carrier(&mut self) {
        self.stage = Stage::Waits;
        self.shared.baton.wake_carrier();
    }

    fn answer(&mut self) -> Option<Result<Bytes, Failure>> {
        match self.reply.try_recv() {
            Ok(replies) => Some(replies),
            Err(TryRecvError::Closed) => Some(Err(Failure::LOST)),
            Err(TryRecvError::Empty) => None,
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Leads {
            self.shared.baton.wake_carrier();
        }
    }
}
