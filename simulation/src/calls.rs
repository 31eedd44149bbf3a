//! What callers do: the engine is called as the attributes' code calls it.

mod mutations;
mod sites;
mod tags;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

use cachemacro_runtime::error::{Error, ErrorKind};
use cachemacro_runtime::generated::{self, Call, KeyBuf, Probe, Sharing, Site, Sought, Terms, fresh};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::history::{Got, Kind, is_absent};
use crate::plan::{Ending, Freshness, Operation, Tagging, What, millis};
use crate::process::Process;
use crate::world::key_name;

pub(crate) use tags::{keys_of_tags, of_each, tells_of};

/// What the source holds: no more than its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) version: u64,
}

/// An error of a body, which says what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) version: u64,
}

impl Failure {
    /// Of a call that has given up.
    const LATE: Self = Self { version: u64::MAX - 1 };
}

impl From<Error> for Failure {
    /// What a refused mutation returns, which nobody looks at, and a call that has given up.
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::TimedOut { Self::LATE } else { Self { version: 0 } }
    }
}

type Output = Result<Option<Value>, Failure>;

/// A caller: the process it is in, what it does, and the number of that.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) process: Arc<Process>,
    pub(crate) operation: Operation,
    pub(crate) number: usize,
}

impl Caller {
    /// Does it, and writes down what came of it.
    pub(crate) async fn run(self) {
        let Operation { what, second, .. } = self.operation;
        match (what.is_read(), second) {
            (true, Some(second)) if self.process.world.plan.has_batches() => self.read_both(second).await,
            (true, _) => self.read().await,
            (false, _) => self.mutate().await,
        }
    }

    async fn read(self) {
        let Operation { key, what, .. } = self.operation;
        let world = Arc::clone(&self.process.world);
        let number = {
            let mut history = world.history();
            let number = history.begin_read(self.number, self.process.number, key, world.ms());
            history.reads[number].is_refresh = what == What::Refresh;
            number
        };
        let got = match self.until_it_leaves(Box::pin(self.clone().ask())).await {
            Some(Ok(Ok(Some(value)))) => Got::Value(value.version),
            Some(Ok(Ok(None))) => Got::None,
            Some(Ok(Err(Failure::LATE))) => Got::Late,
            Some(Ok(Err(failure))) => Got::Error(failure.version),
            Some(Err(_)) => Got::Panic,
            None => Got::Left,
        };
        let mut history = world.history();
        let now = history.at(world.ms());
        history.reads[number].end = Some((now, got));
    }

    async fn ask(self) -> Output {
        let key = key_of(self.operation.key);
        let call = self.call(&key);
        match self.process.world.plan.tagging {
            None => self.ask_with(call).await,
            Some(Tagging::OfValue) => {
                let call = tags::named_by_value(call, self.operation.key);
                self.ask_with(call).await
            }
            Some(tagging) => {
                let call = generated::tagged(call, tags::of_key(tagging, self.operation.key));
                self.ask_with(call).await
            }
        }
    }

    async fn ask_with<P: Terms<Value>>(self, call: Call<'_, P>) -> Output {
        if self.operation.what == What::Refresh {
            return generated::refresh(call, sharing(), generated::Anywhere, pin!(self.load(Kind::Refresh)))
                .await;
        }
        let plan = &self.process.world.plan;
        let (freshness, is_tagged) = (plan.freshness, plan.tagging.is_some());
        let call = match is_tagged || freshness.is_some_and(Freshness::looks_at_hits) {
            true => call,
            false => match generated::hit(call, sharing()) {
                Sought::Found(output) => return output,
                Sought::Missed(call) => call,
            },
        };
        let Some(freshness) = freshness else {
            return generated::read(
                call,
                sharing(),
                generated::Anywhere,
                &generated::Lender::new(),
                pin!(self.load(Kind::Call)),
            )
            .await;
        };
        let inline = async |caller: Self| caller.load(Kind::Call).await;
        let background = |caller: &Self| caller.clone().apart(freshness);
        let again = |caller: &Self| {
            let caller = caller.clone();
            (freshness == Freshness::Kept).then(|| fresh::Again::new(move || caller.clone().apart(freshness)))
        };
        let late = freshness.hard().map(|_| (|error| Err(Failure::from(error))) as fn(Error) -> Output);
        let ways = (inline, background);
        fresh::read_owned(call, sharing(), generated::Anywhere, self, ways, again, late).await
    }

    fn call<'a>(&self, key: &'a KeyBuf) -> Call<'a> {
        Call {
            site: self.site(),
            cache: Some(self.process.cache.clone()),
            key,
            ttl: self.process.world.plan.ttl,
            instance: None,
        }
    }

    pub(crate) fn site(&self) -> &'static Site {
        sites::of(&self.process.world.plan)
    }

    /// What loads without this caller, as an attribute makes it.
    fn apart(self, freshness: Freshness) -> fresh::Start {
        let kind = match freshness {
            Freshness::Hard => Kind::Apart,
            Freshness::SoftAndHard | Freshness::Kept => Kind::Either,
            _ => Kind::Background,
        };
        fresh::Start::new(move |ticket| async move {
            let key = key_of(self.operation.key);
            let (call, of) = (self.call(&key), self.operation.key);
            let body = pin!(self.load(kind));
            let reach = generated::Anywhere;
            match self.process.world.plan.tagging {
                None => fresh::refresh(ticket, call, sharing(), reach, body).await,
                Some(Tagging::OfValue) => {
                    fresh::refresh(ticket, tags::named_by_value(call, of), sharing(), reach, body).await
                }
                Some(tagging) => {
                    let call = generated::tagged(call, tags::of_key(tagging, of));
                    fresh::refresh(ticket, call, sharing(), reach, body).await
                }
            }
        })
    }

    /// The body of the cached function.
    async fn load(&self, kind: Kind) -> Output {
        let Operation { key, before, after, ending, .. } = self.operation;
        let world = &self.process.world;
        let running = world.body(self.number, self.process.number, key, kind);
        self.process.work(before).await;
        let version = running.look();
        self.process.work(after).await;
        running.finish();
        match ending {
            Ending::Err => Err(Failure { version }),
            Ending::Panic => resume_unwind(Box::new("a planned panic")),
            _ => Ok(found(version)),
        }
    }

    /// What came of it, or the panic; nothing, if the caller has left before. What is called is boxed by
    /// the caller, as it is large and would be moved several times.
    pub(crate) async fn until_it_leaves<T>(
        &self,
        call: impl Future<Output = T>,
    ) -> Option<std::thread::Result<T>> {
        let caught = AssertUnwindSafe(call).catch_unwind();
        match self.operation.leaves_after {
            Some(ms) => timeout(millis(ms), caught).await.ok(),
            None => Some(caught.await),
        }
    }
}

pub(crate) fn found(version: u64) -> Option<Value> {
    (!is_absent(version)).then_some(Value { version })
}

pub(crate) fn key_of(key: usize) -> KeyBuf {
    let mut buffer = KeyBuf::new();
    buffer.push_raw(&key_name(key));
    buffer
}

/// What the output means, asked as the attributes ask it.
fn sharing() -> impl Sharing<Output = Output, Value = Value, Found = Value> {
    use generated::ladder::*;
    let shape = (&&&&Probe::<Output>::NEW).shape();
    (&&shape).sharing()
}
