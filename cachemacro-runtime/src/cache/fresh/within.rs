//! A call that gives up after a while, and a load that goes on without it.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::cache::current;
use crate::error::{Error, ErrorKind};
use crate::flight::Lead;
use crate::tier::LeaseGuard;

use super::ticket::{Right, Ticket};
use super::{Fresh, Start};

/// What a call returns that has given up.
pub(crate) type Late<O> = fn(Error) -> O;

/// When a call gives up, and with what.
pub(super) struct Hard<O> {
    after: Duration,
    pub(super) at: Instant,
    late: Late<O>,
}

impl<O> Clone for Hard<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Hard<O> {}

impl<O> Hard<O> {
    pub(super) fn from_now(after: Duration, late: Late<O>) -> Self {
        Self { after, at: Instant::now() + after, late }
    }
}

impl<P, O: 'static> Fresh<'_, P, O> {
    /// Loads in a task that goes on when the call has given up.
    pub(super) async fn within<F>(
        &self,
        hard: Hard<O>,
        lead: Lead<LeaseGuard>,
        start: Start,
        inline: impl FnOnce() -> F,
    ) -> O
    where
        F: Future<Output = O>,
    {
        let (sender, answer) = oneshot::channel();
        let (cache, tier, key) = (self.load.cache.clone(), self.load.tier.clone(), self.load.key.into());
        let ticket = Ticket { cache, tier, key, right: Right::Lead(lead) };
        self.spawn_in(current::scoped(), async move {
            // The caller may have given up.
            let _ = sender.send(start(ticket).await);
        });
        match timeout_at(hard.at, answer).await {
            Ok(Ok(answer)) => match answer.downcast::<O>() {
                Ok(output) => *output,
                Err(_) => self.alone(inline()).await,
            },
            // It panicked, or could not begin: the cache was closed just now.
            Ok(Err(_)) => self.alone(inline()).await,
            Err(_) => self.late(hard),
        }
    }

    /// Runs the body for this call alone, which stores nothing, and ends it when the call gives up.
    pub(super) async fn alone<F: Future<Output = O>>(&self, body: F) -> O {
        let body = pin!(body);
        let Some(hard) = self.hard else { return self.load.bypass(body).await };
        if let Some(output) = self.gives_up() {
            return output;
        }
        match timeout_at(hard.at, self.load.bypass(body)).await {
            Ok(output) => output,
            Err(_) => self.late(hard),
        }
    }

    /// What the call gives up with, if its time is over.
    pub(super) fn gives_up(&self) -> Option<O> {
        self.hard.filter(|hard| hard.at <= Instant::now()).map(|hard| self.late(hard))
    }

    fn late(&self, hard: Hard<O>) -> O {
        let detail = format!(
            "no answer within the hard timeout of {:?}; a load under way goes on, and its value is stored",
            hard.after
        );
        (hard.late)(Error::new(ErrorKind::TimedOut, "load", detail).with_key(self.load.key))
    }
}
