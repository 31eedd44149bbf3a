//! A call that gives up after a while, and a load that goes on without it.

use std::panic::resume_unwind;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::error::{Error, ErrorKind};
use crate::flight::Lead;
use crate::mutants::{self, Mutant};
use crate::tier::LeaseGuard;

use super::ticket::{Right, Ticket};
use super::{Fresh, Loaded, Start};

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

    /// How long a load is waited for where a value past its ttl may cover it: enough is left to look at that again.
    pub(super) fn soft(&self) -> Duration {
        self.after - self.after / 8
    }

    /// How long the store is waited for. The rest is for the body: a store that hangs is no error.
    pub(super) fn lookup(&self) -> Duration {
        self.after / 2
    }

    /// What a call gives up with.
    fn gives_up(self, key: &[u8]) -> O {
        let detail = format!(
            "no answer within the hard timeout of {:?}; a load under way goes on, and its value is stored",
            self.after
        );
        (self.late)(Error::new(ErrorKind::TimedOut, "load", detail).with_key(key))
    }
}

/// The answer, if it comes before the call gives up; what it waits for is dropped then, and what runs in tasks of its own
/// goes on.
pub(super) async fn bounded<O>(hard: Option<Hard<O>>, key: &[u8], answer: impl Future<Output = O>) -> O {
    match hard {
        Some(hard) if !mutants::is(Mutant::HardTimeoutNotKept) => match timeout_at(hard.at, answer).await {
            Ok(output) => output,
            Err(_) => hard.gives_up(key),
        },
        _ => answer.await,
    }
}

impl<P, O: 'static> Fresh<'_, P, O> {
    /// Loads in a task that goes on when the call has given up.
    pub(super) async fn apart<F>(
        &self,
        lead: Lead<LeaseGuard>,
        start: Start,
        inline: impl FnOnce() -> F,
        answer: impl FnOnce(Loaded) -> Option<O>,
    ) -> O
    where
        F: Future<Output = O>,
    {
        let (cache, tier, key) = (self.load.cache.clone(), self.load.tier.clone(), self.load.key.into());
        let (ticket, mut loaded) = Ticket::new(cache, tier, key, Right::Lead(lead)).heard();
        let Some(load) = self.spawn(start(ticket)) else { return self.alone(inline()).await };
        let load = async {
            match mutants::is(Mutant::LoadEndsWithItsCall) {
                true => AbortOnDropHandle::new(load).await,
                false => load.await,
            }
        };
        let ended = match self.hard {
            None => load.await,
            Some(hard) => match timeout_at(hard.at, load).await {
                Ok(ended) => ended,
                // It is the store that takes too long, or the body.
                Err(_) => {
                    let output = loaded.try_recv().ok().and_then(answer);
                    return output.unwrap_or_else(|| hard.gives_up(self.load.key));
                }
            },
        };
        match ended.map_err(JoinError::try_into_panic) {
            Ok(answer) => match answer.downcast::<O>() {
                Ok(output) => *output,
                Err(_) => self.alone(inline()).await,
            },
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime that carried it is gone.
            Err(Err(_)) => self.alone(inline()).await,
        }
    }

    /// Runs the body for this call alone, which stores nothing.
    pub(super) async fn alone<F: Future<Output = O>>(&self, body: F) -> O {
        match self.gives_up() {
            Some(output) => output,
            None => self.load.bypass(body).await,
        }
    }

    /// What the call gives up with, if its time is over.
    pub(super) fn gives_up(&self) -> Option<O> {
        self.hard.filter(|hard| hard.at <= Instant::now()).map(|hard| hard.gives_up(self.load.key))
    }
}
