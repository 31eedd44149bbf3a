//! The body of a call, for flows that are compiled once for all functions that return the same.
//!
//! A body is a type of its own for each function, and a flow that awaits it is compiled again with each of them. So a flow
//! awaits what stands for the body, and whoever has both polls them in turn: the flow and, while that waits for it, the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::trace;

/// Has a body that returns an `O`, and lends it to a flow.
// std's mutex: held for a move, never across an await, and by one task.
pub(crate) struct Lender<O>(Mutex<State<O>>);

enum State<O> {
    /// The flow has not come to it.
    Unwanted,
    /// The flow waits for it, in this span.
    Wanted(trace::Here),
    /// The flow can have this.
    Brought(O),
}

/// What stands for the body.
pub(crate) struct Lent<'a, O>(&'a Lender<O>);

impl<O> Lender<O> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State::Unwanted))
    }

    pub(crate) fn lend(&self) -> Lent<'_, O> {
        Lent(self)
    }

    /// Runs a flow to its end, with the body that it was lent.
    ///
    /// # Cancel safety
    ///
    /// As of the flow: the body is dropped with it.
    pub(crate) fn run<E, F>(&self, mut flow: Pin<&mut E>, mut body: Pin<&mut F>) -> impl Future<Output = O>
    where
        E: Future<Output = O>,
        F: Future<Output = O>,
    {
        poll_fn(move |context| self.poll(flow.as_mut(), &mut |context| body.as_mut().poll(context), context))
    }

    /// Knows the body for as long as it is polled, so that whether its call can be sent to another thread is asked of
    /// the body as it is.
    fn poll<E: Future<Output = O>>(
        &self,
        mut flow: Pin<&mut E>,
        body: &mut dyn FnMut(&mut Context<'_>) -> Poll<O>,
        context: &mut Context<'_>,
    ) -> Poll<O> {
        loop {
            if let Poll::Ready(output) = flow.as_mut().poll(context) {
                return Poll::Ready(output);
            }
            let State::Wanted(here) = &*self.lock() else { return Poll::Pending };
            let here = here.clone();
            match here.within(|| body(context)) {
                Poll::Ready(output) => *self.lock() = State::Brought(output),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O> Future for Lent<'_, O> {
    type Output = O;

    /// Needs no waker: whoever polls the flow polls it again after the body.
    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<O> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Unwanted) {
            State::Brought(output) => Poll::Ready(output),
            State::Wanted(here) => {
                *state = State::Wanted(here);
                Poll::Pending
            }
            State::Unwanted => {
                *state = State::Wanted(trace::Here::now());
                Poll::Pending
            }
        }
    }
}
