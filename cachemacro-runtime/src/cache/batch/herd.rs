//! The members of a batch, and the body that they share, within one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::task::futures::TaskLocalFuture;

use crate::protocol::batch::Members;

/// What bodies have brought for each member, and is not yet taken.
type Brought<V, E> = Arc<Mutex<Vec<Option<Result<V, E>>>>>;

/// The members of a batch, each of which gets a `Result<V, E>`.
// std's mutexes: they are held for a few comparisons, never across an await, and by one task.
pub(super) struct Herd<V, E> {
    members: Arc<Mutex<Members>>,
    brought: Brought<V, E>,
}

tokio::task_local! {
    static MEMBER: (Arc<Mutex<Members>>, usize);
}

/// Notes that the call waits for others, if it is a member of a batch.
pub(crate) fn waits() {
    // It is a call for itself, mostly.
    let _ = MEMBER.try_with(|(members, member)| lock(members).waits(*member));
}

impl<V, E> Herd<V, E> {
    pub(super) fn new(count: usize) -> Self {
        Self {
            members: Arc::new(Mutex::new(Members::new(count))),
            brought: Arc::new(Mutex::new((0..count).map(|_| None).collect())),
        }
    }

    /// Makes the call that a member is; its body is what the shared one brings for it.
    pub(super) fn call<F: Future>(
        &self,
        member: usize,
        call: impl FnOnce(Wanted<V, E>) -> F,
    ) -> TaskLocalFuture<(Arc<Mutex<Members>>, usize), F> {
        let (members, brought) = (Arc::clone(&self.members), Arc::clone(&self.brought));
        let wanted = Wanted { members: Arc::clone(&members), brought, member };
        MEMBER.scope((members, member), call(wanted))
    }

    /// Runs the members' calls, and the bodies that they want, for `most` of them each. A member without a call wants a
    /// body from the start, and what that brings for such is settled together.
    ///
    /// After a body that brings an error, those alone come to their end that were loaded: the others are
    /// dropped, and have no output.
    pub(super) async fn run<C, B, F, T, G>(
        self,
        calls: Vec<Option<C>>,
        most: usize,
        body: B,
        settle: T,
    ) -> Vec<Option<Result<V, E>>>
    where
        C: Future<Output = Result<V, E>>,
        B: Fn(&[usize]) -> F,
        F: Future<Output = Vec<Result<V, E>>>,
        T: Fn(Came<V, E>) -> G,
        G: Future<Output = Came<V, E>>,
    {
        let mut run = Run {
            outputs: calls.iter().map(|_| None).collect(),
            is_led: calls.iter().map(Option::is_none).collect(),
            calls: calls.into_iter().map(|call| call.map(Box::pin)).collect(),
            herd: self,
            loaded: Vec::new(),
            body: None,
            settling: Vec::new(),
            has_failed: false,
        };
        let led = run.is_led.iter().enumerate().filter(|(_, is_led)| **is_led);
        led.for_each(|(member, _)| lock(&run.herd.members).wants(member));
        poll_fn(|context| run.poll(context, most, &body, &settle)).await;
        run.outputs
    }
}

/// What has come for some of the members.
type Came<V, E> = Vec<(usize, Result<V, E>)>;

/// Calls under way, and the body.
struct Run<C, F, G, V, E> {
    herd: Herd<V, E>,
    /// Which members have no call of their own.
    is_led: Vec<bool>,
    /// Those that have not ended.
    calls: Vec<Option<Pin<Box<C>>>>,
    outputs: Vec<Option<Result<V, E>>>,
    /// Those that a body was started for.
    loaded: Vec<usize>,
    /// The one that runs, and for whom.
    body: Option<(Vec<usize>, Pin<Box<F>>)>,
    /// What was brought for those without a call, on its way.
    settling: Vec<Pin<Box<G>>>,
    has_failed: bool,
}

impl<C, F, G, V, E> Run<C, F, G, V, E>
where
    C: Future<Output = Result<V, E>>,
    F: Future<Output = Vec<Result<V, E>>>,
    G: Future<Output = Came<V, E>>,
{
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
        body: impl Fn(&[usize]) -> F,
        settle: impl Fn(Came<V, E>) -> G,
    ) -> Poll<()> {
        loop {
            self.poll_calls(context);
            self.poll_settling(context);
            if self.body.is_none() && !self.has_failed {
                let started = lock(&self.herd.members).start(most);
                if !started.is_empty() {
                    self.body = Some((started.clone(), Box::pin(body(&started))));
                    self.loaded.extend(started);
                }
            }
            let Some((members, loading)) = &mut self.body else { return self.is_over() };
            let Poll::Ready(results) = loading.as_mut().poll(context) else { return Poll::Pending };
            let mut came = Vec::new();
            let mut brought = lock(&self.herd.brought);
            for (member, result) in members.iter().zip(results) {
                self.has_failed |= result.is_err();
                match self.is_led[*member] {
                    true => came.push((*member, result)),
                    false => brought[*member] = Some(result),
                }
            }
            drop(brought);
            lock(&self.herd.members).landed();
            self.body = None;
            if !came.is_empty() {
                self.settling.push(Box::pin(settle(came)));
            }
        }
    }

    fn poll_calls(&mut self, context: &mut Context<'_>) {
        for (member, slot) in self.calls.iter_mut().enumerate() {
            let Some(call) = slot else { continue };
            if let Poll::Ready(output) = call.as_mut().poll(context) {
                lock(&self.herd.members).is_over(member);
                // An error that another caller's body has brought is one all the same.
                self.has_failed |= output.is_err();
                self.outputs[member] = Some(output);
                *slot = None;
            }
        }
    }

    fn poll_settling(&mut self, context: &mut Context<'_>) {
        let outputs = &mut self.outputs;
        self.settling.retain_mut(|settling| match settling.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(came) => {
                came.into_iter().for_each(|(member, output)| outputs[member] = Some(output));
                false
            }
        });
    }

    fn is_over(&self) -> Poll<()> {
        let has_ended = |member: &usize| self.outputs[*member].is_some();
        let is_over = match self.has_failed {
            true => self.loaded.iter().all(has_ended),
            false => self.outputs.iter().all(Option::is_some),
        };
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The body of a member's own call.
pub(super) struct Wanted<V, E> {
    members: Arc<Mutex<Members>>,
    brought: Brought<V, E>,
    member: usize,
}

impl<V, E> Future for Wanted<V, E> {
    type Output = Result<V, E>;

    /// Needs no waker: whoever polls the calls polls them again after a body.
    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        match lock(&self.brought)[self.member].take() {
            Some(result) => Poll::Ready(result),
            None => {
                lock(&self.members).wants(self.member);
                Poll::Pending
            }
        }
    }
}

/// Nothing in here runs foreign code while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
