//! The body of a call beside its flow, which is compiled once for all functions.
//!
//! A body is a type of its own for each function, and so is what it returns for many of them: a flow that awaited it would be
//! compiled again with each, which is most of what a cached function would cost to build. So a flow knows neither. It is lent
//! the body, and what that brings it is told as far as it needs to know; whoever has both polls them in turn: the flow
//! and, while that waits for it, the body.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
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
pub struct Lender {
    /// Whether the flow waits for anything: most are polled without, and a look at this takes no lock.
    is_asked: AtomicBool,
    // std's mutex: held for a move, never across an await, and by one task.
    state: Mutex<State>,
}

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

/// What a flow waits for.
enum Asked {
    Body(trace::Here, bool),
    Rest,
}

/// The flow's end.
#[derive(Clone, Copy)]
pub(crate) struct Lent<'a>(&'a Lender);

impl Lender {
    /// Has lent nothing yet.
    pub fn new() -> Self {
        Self { is_asked: AtomicBool::new(false), state: Mutex::new(State::Idle) }
    }

    pub(crate) fn lend(&self) -> Lent<'_> {
        Lent(self)
    }

    /// What the flow waits for, if it does.
    fn asked(&self) -> Option<Asked> {
        if !self.is_asked.load(Ordering::Acquire) {
            return None;
        }
        match &*self.lock() {
            State::Wanted(here, is_told) => Some(Asked::Body(here.clone(), *is_told)),
            State::RestWanted => Some(Asked::Rest),
            State::Idle | State::Brought(_) | State::Rest(_) => None,
        }
    }

    fn ask(&self, state: &mut State, asked: State) {
        *state = asked;
        self.is_asked.store(true, Ordering::Release);
    }

    fn tell(&self, told: State) {
        *self.lock() = told;
        self.is_asked.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
                State::Wanted(here, _) => self.0.ask(&mut state, State::Wanted(here, is_told)),
                _ => self.0.ask(&mut state, State::Wanted(trace::Here::now(), is_told)),
            }
            Poll::Pending
        })
    }

    /// What others may have of an output that is no value, after the body.
    pub(crate) fn rest(self) -> impl Future<Output = Option<Shared>> + Send {
        poll_fn(move |_| {
            let mut state = self.0.lock();
            match std::mem::replace(&mut *state, State::Idle) {
                State::Rest(rest) => Poll::Ready(rest),
                _ => {
                    self.0.ask(&mut state, State::RestWanted);
                    Poll::Pending
                }
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
            let told = match self.lender.asked() {
                None => return Poll::Pending,
                Some(Asked::Rest) => State::Rest(self.output.as_ref().and_then(S::share)),
                Some(Asked::Body(here, is_told)) => match here.within(|| body(context)) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(output) => {
                        let output = self.output.insert(output);
                        State::Brought(is_told.then(|| Valued::of::<S, P>(output, &self.terms)).flatten())
                    }
                },
            };
            self.lender.tell(told);
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;

    use super::*;
    use crate::shape::{Fallible, OwnRest, Plain, SharedRest};

    const HOUR: Duration = Duration::from_secs(3600);

    /// Runs a flow beside a body that returns this, and says what both of them did.
    async fn run<S: Sharing<Value: Local>>(
        output: S::Output,
        flow: impl for<'a> FnOnce(Lent<'a>, &'a Mutex<Vec<&'static str>>) -> Flow<'a>,
    ) -> (S::Output, Vec<&'static str>) {
        let (lender, did) = (Lender::new(), Mutex::new(Vec::new()));
        let body = pin!(async {
            did.lock().unwrap().push("body begins");
            tokio::task::yield_now().await;
            did.lock().unwrap().push("body ends");
            output
        });
        let output = Lending::<S, Duration>::new(flow(lender.lend(), &did), &lender, HOUR).with(body).await;
        let did = did.lock().unwrap().clone();
        (output, did)
    }

    #[tokio::test]
    async fn a_body_runs_while_its_flow_waits_for_it_and_at_no_other_time() {
        let (output, did) = run::<SharedRest<Plain<u8>>>(7, |lent, did| {
            Box::pin(async move {
                did.lock().unwrap().push("lookup");
                tokio::task::yield_now().await;
                did.lock().unwrap().push("lease");
                let valued = lent.body().await.expect("a value");
                did.lock().unwrap().push("fill");
                tokio::task::yield_now().await;
                assert_eq!((owned::<u8>(valued.value), valued.said, valued.is_found), (7, HOUR, true));
                Answer::Own
            })
        })
        .await;
        assert_eq!((output, did), (7, vec!["lookup", "lease", "body begins", "body ends", "fill"]));
    }

    #[tokio::test]
    async fn a_body_that_is_not_asked_for_never_runs() {
        let (output, did) = run::<SharedRest<Plain<u8>>>(7, |_, _| {
            Box::pin(async { Answer::Of(Outcome::Value(Arc::new(8_u8))) })
        })
        .await;
        assert_eq!((output, did), (8, Vec::new()));
    }

    #[tokio::test]
    async fn what_is_no_value_is_its_callers_and_others_have_a_copy() {
        let (output, _) = run::<SharedRest<Fallible<u8, String>>>(Err("gone".to_owned()), |lent, _| {
            Box::pin(async move {
                assert!(lent.body().await.is_none());
                let rest = lent.rest().await.expect("it can be copied");
                let other: Shared = Arc::new(Err::<u8, u8>(1));
                let can_receive = can_receive::<SharedRest<Fallible<u8, String>>>;
                assert!(can_receive(&rest) && !can_receive(&other));
                Answer::Own
            })
        })
        .await;
        assert_eq!(output, Err("gone".to_owned()));
    }

    #[tokio::test]
    async fn a_body_for_its_own_call_alone_is_asked_for_nothing() {
        thread_local!(static CLONES: RefCell<u32> = const { RefCell::new(0) });
        #[derive(Debug, PartialEq)]
        struct Counted;
        impl Clone for Counted {
            fn clone(&self) -> Self {
                CLONES.with_borrow_mut(|clones| *clones += 1);
                Self
            }
        }
        let (output, _) = run::<OwnRest<Plain<Counted>>>(Counted, |lent, _| {
            Box::pin(async move {
                lent.body_alone().await;
                Answer::Own
            })
        })
        .await;
        assert_eq!((output, CLONES.with_borrow(|clones| *clones)), (Counted, 0));
    }

    /// The span that a thread is in.
    #[cfg(feature = "tracing")]
    mod spans {
        use tracing::span::{Attributes, Id, Record};
        use tracing::{Event, Metadata, Subscriber};
        use tracing_core::span::Current;

        use super::*;
        use crate::key::{Piece, Template};
        use crate::site::{Site, SiteSpec};

        static SITE: Site =
            Site::new(SiteSpec { template: Template(&[Piece::Text("user")]), ..SiteSpec::PLAIN });

        /// Knows one span.
        #[derive(Default)]
        struct Spans {
            metadata: Mutex<Option<&'static Metadata<'static>>>,
            entered: Mutex<u32>,
        }

        impl Subscriber for Spans {
            fn enabled(&self, _: &Metadata<'_>) -> bool {
                true
            }
            fn new_span(&self, span: &Attributes<'_>) -> Id {
                *self.metadata.lock().unwrap() = Some(span.metadata());
                Id::from_u64(1)
            }
            fn record(&self, _: &Id, _: &Record<'_>) {}
            fn record_follows_from(&self, _: &Id, _: &Id) {}
            fn event(&self, _: &Event<'_>) {}
            fn enter(&self, _: &Id) {
                *self.entered.lock().unwrap() += 1;
            }
            fn exit(&self, _: &Id) {
                *self.entered.lock().unwrap() -= 1;
            }
            fn current_span(&self) -> Current {
                match *self.metadata.lock().unwrap() {
                    Some(metadata) if *self.entered.lock().unwrap() > 0 => {
                        Current::new(Id::from_u64(1), metadata)
                    }
                    _ => Current::none(),
                }
            }
        }

        fn current() -> Option<&'static str> {
            tracing::Span::current().metadata().map(Metadata::name)
        }

        #[tokio::test]
        async fn a_body_runs_in_the_span_that_its_flow_is_in() {
            let guard = tracing::subscriber::set_default(Spans::default());
            let lender = Lender::new();
            let body = pin!(async {
                tokio::task::yield_now().await;
                current()
            });
            let lent = lender.lend();
            let flow: Flow<'_> = Box::pin(trace::miss(&SITE, async move {
                lent.body_alone().await;
                Answer::Own
            }));
            type Said = SharedRest<crate::shape::Optional<&'static str>>;
            let said = Lending::<Said, Duration>::new(flow, &lender, HOUR).with(body).await;
            assert_eq!((said, current()), (Some("cache_read"), None));
            drop(guard);
        }
    }
}
