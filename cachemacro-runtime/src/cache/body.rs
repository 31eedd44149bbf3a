//! The body of a call beside its flow, which is compiled once for all functions.
//!
//! A body is a type of its own for each function, and so is what it returns for many of them: a flow that awaited it would be
//! compiled again with each, which is most of what a cached function would cost to build. So a flow knows neither. It is lent
//! the body, and what that brings it is told as far as it needs to know; whoever has both polls them in turn: the flow
//! and, while that waits for it, the body.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::flight::Outcome;
use crate::policy::Terms;
use crate::shape::{Local, Shape, Shared, Sharing, owned};
use crate::tag::Tag;
use crate::trace;

/// What answers a call.
pub(crate) enum Answer {
    /// What its own body has returned.
    Own,
    /// What is stored, or what another call's load has brought.
    Of(Outcome),
}

/// A flow on its way to an answer; on the heap, so that every annotated function's future is small.
pub(crate) type Flow<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What a body has brought that can be cached.
pub(crate) struct Valued {
    pub(crate) value: Shared,
    /// How long its attribute says that it lives.
    pub(crate) said: Duration,
    /// Whether it is more than a `None`.
    pub(crate) is_found: bool,
    /// The tags that it names.
    pub(crate) tags: Vec<Tag>,
}

impl Valued {
    /// The value in an output, if there is one.
    pub(crate) fn of<S, P>(output: &S::Output, terms: &P) -> Option<Self>
    where
        S: Shape<Value: Local>,
        P: Terms<S::Found>,
    {
        let value = S::value(output)?;
        let found = S::found(value);
        let said = terms.ttl(found);
        // What is not kept has none.
        let tags = if said.is_zero() { Vec::new() } else { terms.tags_of(found) };
        Some(Self { value: Arc::new(value.clone()), said, is_found: found.is_some(), tags })
    }
}

/// Lends a body to a flow.
// std's mutex: held for a move, never across an await, and by one task.
pub struct Lender(Mutex<State>);

enum State {
    /// The flow asks for nothing.
    Idle,
    /// It waits for the body, in this span, and is to be told of its value or is not.
    Wanted(trace::Here, bool),
    Brought(Option<Valued>),
    /// It waits for what others may have of what is no value.
    RestWanted,
    Rest(Option<Shared>),
}

/// The flow's end.
#[derive(Clone, Copy)]
pub(crate) struct Lent<'a>(&'a Lender);

impl Lender {
    /// Has lent nothing yet.
    pub fn new() -> Self {
        Self(Mutex::new(State::Idle))
    }

    pub(crate) fn lend(&self) -> Lent<'_> {
        Lent(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Lender {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lender")
    }
}

impl Lent<'_> {
    /// Runs the body, and says what value it has brought, if any. Who is polled for it needs no waker: the flow is polled
    /// again after the body.
    ///
    /// # Cancel safety
    ///
    /// Safe: it is asked for once, and runs on when it is asked for again.
    pub(crate) fn body(self) -> impl Future<Output = Option<Valued>> + Send {
        self.brought(true)
    }

    /// Runs the body for its own call alone.
    pub(crate) async fn body_alone(self) {
        self.brought(false).await;
    }

    fn brought(self, is_told: bool) -> impl Future<Output = Option<Valued>> + Send {
        poll_fn(move |_| {
            let mut state = self.0.lock();
            match std::mem::replace(&mut *state, State::Idle) {
                State::Brought(valued) => return Poll::Ready(valued),
                State::Wanted(here, _) => *state = State::Wanted(here, is_told),
                _ => *state = State::Wanted(trace::Here::now(), is_told),
            }
            Poll::Pending
        })
    }

    /// What others may have of an output that is no value, after the body.
    pub(crate) fn rest(self) -> impl Future<Output = Option<Shared>> + Send {
        poll_fn(move |_| {
            let mut state = self.0.lock();
            match std::mem::replace(&mut *state, State::RestWanted) {
                State::Rest(rest) => {
                    *state = State::Idle;
                    Poll::Ready(rest)
                }
                _ => Poll::Pending,
            }
        })
    }
}

/// A flow, and what it does not know: what the body returns, and what the attribute says of that.
pub(crate) struct Lending<'a, S: Shape, P> {
    flow: Flow<'a>,
    lender: &'a Lender,
    terms: P,
    output: Option<S::Output>,
}

impl<'a, S: Shape, P> Lending<'a, S, P> {
    /// A flow that has what was lent.
    pub(crate) fn new(flow: Flow<'a>, lender: &'a Lender, terms: P) -> Self {
        Self { flow, lender, terms, output: None }
    }

    pub(crate) fn with<F>(self, body: Pin<&'a mut F>) -> Running<'a, S, P, F> {
        Running { lending: self, body }
    }

    /// Polls both in turn. What polls the body is not kept, so that it may be of no type that is known here.
    fn poll(
        &mut self,
        body: &mut dyn FnMut(&mut Context<'_>) -> Poll<S::Output>,
        context: &mut Context<'_>,
    ) -> Poll<S::Output>
    where
        S: Sharing<Value: Local>,
        P: Terms<S::Found>,
    {
        loop {
            if let Poll::Ready(answer) = self.flow.as_mut().poll(context) {
                return Poll::Ready(match answer {
                    Answer::Own => self.output.take().expect("the body has run"),
                    Answer::Of(outcome) => received::<S>(outcome),
                });
            }
            let wanted = match &*self.lender.lock() {
                State::Wanted(here, is_told) => Some((here.clone(), *is_told)),
                State::RestWanted => None,
                _ => return Poll::Pending,
            };
            let told = match wanted {
                None => State::Rest(self.output.as_ref().and_then(S::share)),
                Some((here, is_told)) => match here.within(|| body(context)) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(output) => {
                        let output = self.output.insert(output);
                        State::Brought(is_told.then(|| Valued::of::<S, P>(output, &self.terms)).flatten())
                    }
                },
            };
            *self.lender.lock() = told;
        }
    }
}

/// A flow and its body.
///
/// It has the body as it is, so that whether a call can be sent to another thread is asked of that too.
pub(crate) struct Running<'a, S: Shape, P, F> {
    lending: Lending<'a, S, P>,
    body: Pin<&'a mut F>,
}

/// The flow is on the heap, the body is pinned elsewhere, and nothing else is ever pinned.
impl<S: Shape, P, F> Unpin for Running<'_, S, P, F> {}

impl<S, P, F> Future for Running<'_, S, P, F>
where
    S: Sharing<Value: Local>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    type Output = S::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Output> {
        let Self { lending, body } = &mut *self;
        lending.poll(&mut |context| body.as_mut().poll(context), context)
    }
}

/// The output that an outcome is, which [`can_receive`] or its type has admitted.
pub(crate) fn received<S: Sharing<Value: Local>>(outcome: Outcome) -> S::Output {
    match outcome {
        Outcome::Value(value) => S::output(owned(value)),
        Outcome::Rest(rest) => S::receive(&*rest).expect("it was asked whether it can be received"),
    }
}

/// Whether what is no value, of another call's load, is an answer here.
pub(crate) fn can_receive<S: Sharing>(rest: &Shared) -> bool {
    S::receive(&**rest).is_some()
}
