//! The body of a call, for flows that are compiled once for all functions that return the same.
//!
//! A body is a type of its own for each function, and a flow that awaits it is compiled again with each of them. So a flow
//! awaits what stands for the body, and whoever has both polls them in turn: the flow and, while that waits for it, the body.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::trace;

/// Has a body that returns an `O`, and lends it to a flow.
// std's mutex: held for a move, never across an await, and by one task.
pub struct Lender<O>(Mutex<State<O>>);

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

pin_project! {
    /// A flow on its way to its end, with the body that it was lent.
    ///
    /// It has the body as it is, so that whether a call can be sent to another thread is asked of that too.
    pub(crate) struct Lending<'a, E, O, F> {
        #[pin]
        flow: E,
        lender: &'a Lender<O>,
        body: Pin<&'a mut F>,
    }
}

impl<O> Lender<O> {
    /// Has lent nothing yet.
    pub fn new() -> Self {
        Self(Mutex::new(State::Unwanted))
    }

    pub(crate) fn lend(&self) -> Lent<'_, O> {
        Lent(self)
    }

    /// Runs a flow that has what was lent.
    ///
    /// # Cancel safety
    ///
    /// As of the flow: the body ends with it.
    pub(crate) fn run<'a, E, F>(&'a self, flow: E, body: Pin<&'a mut F>) -> Lending<'a, E, O, F>
    where
        E: Future<Output = O>,
        F: Future<Output = O>,
    {
        Lending { flow, lender: self, body }
    }

    /// Polls both in turn. What polls the body is not kept, so that it may be of no type that is known here.
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
            let Some(here) = self.wanted() else { return Poll::Pending };
            match here.within(|| body(context)) {
                Poll::Ready(output) => *self.lock() = State::Brought(output),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Where the body is waited for, if it is.
    fn wanted(&self) -> Option<trace::Here> {
        match &*self.lock() {
            State::Wanted(here) => Some(here.clone()),
            State::Unwanted | State::Brought(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O> Default for Lender<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O> fmt::Debug for Lender<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lender")
    }
}

impl<E, O, F> Future for Lending<'_, E, O, F>
where
    E: Future<Output = O>,
    F: Future<Output = O>,
{
    type Output = O;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O> {
        let this = self.project();
        this.lender.poll(this.flow, &mut |context| this.body.as_mut().poll(context), context)
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
