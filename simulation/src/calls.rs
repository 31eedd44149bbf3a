//! What callers do: the engine is called as the attributes' code calls it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::error::Error;
use cachemacro_runtime::generated::{
    self, Call, Guards, Invalidation, Jitter, Key, KeyBuf, On, Pending, Piece, Policy, Probe, Sharing, Site,
    SiteSpec, Sought, Tag, Target, Targets, Template, Windows, WriteThrough, fresh,
};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::history::{Got, Mutation, is_absent};
use crate::plan::{Ending, Lenience, Operation, What, Wrong, millis};
use crate::process::Process;
use crate::world::key_name;

pub(crate) static SITE: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    ttl: Some(Duration::from_secs(60)),
    jitter: JITTER,
    ..SiteSpec::PLAIN
});

/// The same function, with all that serves past a ttl or refreshes before it.
static LENIENT: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    jitter: JITTER,
    policy: Policy {
        windows: Windows { revalidate: Duration::from_millis(60), if_error: IF_ERROR },
        early: true,
        ..Policy::PLAIN
    },
    ..SiteSpec::PLAIN
});

/// The same function, with a tag for each key.
static TAGGED: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    tags: &[Template(&[Piece::Text("of:"), Piece::Hole("key")])],
    ..SiteSpec::PLAIN
});

/// The same function, which serves past its ttl where its body fails, and never else.
static COVERED: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    jitter: JITTER,
    policy: Policy { windows: Windows { revalidate: Duration::ZERO, if_error: IF_ERROR }, ..Policy::PLAIN },
    ..SiteSpec::PLAIN
});

/// The longest that a value serves past its ttl.
pub(crate) const IF_ERROR: Duration = Duration::from_secs(2);

/// Much, so that a ttl that is not kept to is seen past the delays of messages.
const JITTER: Jitter = Jitter::percent(50);

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

impl From<Error> for Failure {
    /// What a refused mutation returns: nobody looks at it.
    fn from(_: Error) -> Self {
        Self { version: 0 }
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
        if self.process.world.plan.is_tagged {
            let call = generated::tagged(call, vec![tag_of(self.operation.key)]);
            let body = pin!(self.load(false));
            return match self.operation.what {
                What::Refresh => generated::refresh(call, sharing(), body).await,
                _ => generated::read(call, sharing(), body).await,
            };
        }
        if self.operation.what == What::Refresh {
            return generated::refresh(call, sharing(), pin!(self.load(false))).await;
        }
        if self.process.world.plan.lenience.is_some() {
            let inline = async |caller: Self| caller.load(false).await;
            let background = |caller: &Self| caller.clone().revalidation();
            let ways = (inline, background);
            return fresh::read_owned(call, sharing(), generated::Anywhere, self, ways, |_| None, None).await;
        }
        match generated::hit(call, sharing()) {
            Sought::Found(output) => output,
            Sought::Missed(call) => generated::read(call, sharing(), pin!(self.load(false))).await,
        }
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

    fn site(&self) -> &'static Site {
        match self.process.world.plan.lenience {
            Some(Lenience::Always) => &LENIENT,
            Some(Lenience::IfError) => &COVERED,
            None if self.process.world.plan.is_tagged => &TAGGED,
            None => &SITE,
        }
    }

    /// What refreshes without this caller, as an attribute makes it.
    fn revalidation(self) -> fresh::Start {
        fresh::Start::new(move |ticket| async move {
            let key = key_of(self.operation.key);
            let body = pin!(self.load(true));
            fresh::refresh(ticket, self.call(&key), sharing(), generated::Anywhere, body).await
        })
    }

    /// The body of the cached function.
    async fn load(&self, is_background: bool) -> Output {
        let Operation { key, before, after, ending, what, .. } = self.operation;
        let world = &self.process.world;
        let kind = [what == What::Refresh, is_background];
        let running = world.body(self.number, self.process.number, key, kind);
        self.process.work(before).await;
        let version = running.look();
        self.process.work(after).await;
        match ending {
            Ending::Err => Err(Failure { version }),
            Ending::Panic => resume_unwind(Box::new("a planned panic")),
            _ => Ok(found(version)),
        }
    }

    async fn mutate(self) {
        let Operation { key, second, what, .. } = self.operation;
        let world = Arc::clone(&self.process.world);
        let number = {
            let mut history = world.history();
            let begin = history.at(world.ms());
            history.mutations.push(Mutation {
                operation: self.number,
                process: self.process.number,
                what,
                keys: [Some(key), second],
                begin,
                end: None,
            });
            history.mutations.len() - 1
        };
        // However it ends: what it has committed is known in this process from here on.
        let _ = self.until_it_leaves(Box::pin(self.clone().change())).await;
        world.history().end_mutation(number, world.ms());
    }

    async fn change(self) {
        match self.operation.what {
            What::Guarded => self.invalidating(Guards::Tried).await,
            What::Required => self.invalidating(Guards::Required).await,
            What::Unguarded => self.invalidating(Guards::Off).await,
            What::ByCall => self.by_call().await,
            What::WriteThrough => self.write_through().await,
            What::GuardAndPut | What::GuardAndFinish => self.guard_by_hand().await,
            What::Transaction => self.transaction().await,
            What::Read | What::Refresh => unreachable!("they change nothing"),
        }
    }

    async fn invalidating(&self, guards: Guards) {
        let mut armed = Invalidation::armed(self.targets(), On::Any, guards);
        if guards == Guards::Required && armed.begin().await.is_err() {
            return;
        }
        let body = pin!(self.commit());
        let _ = generated::invalidating(armed, outcome(), body, |_| Vec::new()).await;
    }

    async fn by_call(&self) {
        // Nothing comes in between: a caller who leaves a commit without a word has not invalidated.
        let _ = self.commit_now().await;
        if self.operation.ending == Ending::CrashAfter {
            self.crash().await;
        }
        let cache = Some(self.process.cache.clone());
        let _ = match self.process.world.plan.is_tagged {
            true => generated::invalidate_tag(cache, tag_of(self.operation.key)).await,
            false => generated::invalidate(self.target(self.operation.key)).await,
        };
    }

    async fn write_through(&self) {
        let ttl = self.process.world.plan.ttl;
        let mut armed = WriteThrough::armed(self.target(self.operation.key), self.site(), ttl);
        if armed.begin(Guards::Tried).await.is_err() {
            return;
        }
        let body = pin!(self.commit());
        let _ = generated::putting(armed, sharing(), generated::Anywhere, sharing(), outcome(), body).await;
    }

    async fn guard_by_hand(&self) {
        let target = self.target(self.operation.key);
        let Ok(guard) = generated::guard(target, self.site(), sharing()).await else { return };
        // An error drops the guard, as `?` would.
        let Ok(value) = self.commit().await else { return };
        let _ = match value {
            Some(value) if self.operation.what == What::GuardAndPut => {
                guard.put_for(&value, self.process.world.plan.ttl).await.map(drop)
            }
            _ => guard.finish().await,
        };
    }

    async fn transaction(&self) {
        let pending = Pending::new();
        for part in 0..1 + self.operation.before % 2 {
            let armed = Invalidation::armed(self.targets(), On::Any, Guards::Tried);
            let body = pin!(async {
                self.process.work(part * 3).await;
                Output::Ok(None)
            });
            let shared = generated::share(&pending);
            let _ = generated::invalidating_at_commit(armed, shared, outcome(), body, |_| Vec::new()).await;
        }
        let _ = pending.commit(self.commit()).await;
    }

    /// The body of a mutation: changes the source, and goes on for a while.
    async fn commit(&self) -> Output {
        let version = self.commit_now().await;
        self.process.work(self.operation.after).await;
        match self.operation.ending {
            Ending::Err => Err(Failure { version }),
            Ending::Panic => resume_unwind(Box::new("a planned panic")),
            Ending::CrashBefore | Ending::CrashAfter => self.crash().await,
            Ending::Ok => Ok(found(version)),
        }
    }

    /// Changes the source, at one instant.
    async fn commit_now(&self) -> u64 {
        let Operation { key, second, before, ending, .. } = self.operation;
        let (process, world) = (&self.process, &self.process.world);
        process.work(before).await;
        if ending == Ending::CrashBefore {
            self.crash().await;
        }
        let mut history = world.history();
        let keys = second.into_iter().chain([key]);
        let versions = keys.map(|key| history.commit(self.number, process.number, key, world.ms()));
        versions.last().expect("there is a key")
    }

    async fn crash(&self) -> ! {
        let world = &self.process.world;
        self.process.crash(world.below(2) == 0);
        crate::run::note(world, Wrong::Crash(self.process.number), world.ms());
        std::future::pending().await
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

    fn targets(&self) -> Vec<Targets> {
        let keys = [Some(self.operation.key), self.operation.second];
        let target = |key| match self.process.world.plan.is_tagged {
            true => Targets::Tagged { cache: Some(self.process.cache.clone()), tag: tag_of(key) },
            false => Targets::One(self.target(key)),
        };
        keys.into_iter().flatten().map(target).collect()
    }

    fn target(&self, key: usize) -> Target {
        Target {
            site: Some(self.site()),
            cache: Some(self.process.cache.clone()),
            key: Key::new(key_name(key)),
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

fn tag_of(key: usize) -> Tag {
    Tag::new(&format!("of:{key}"))
}

/// What the output means, asked as the attributes ask it.
fn sharing() -> impl Sharing<Output = Output, Value = Value, Found = Value> {
    use generated::ladder::*;
    let shape = (&&&&Probe::<Output>::NEW).shape();
    (&&shape).sharing()
}

/// How a mutation's output is read, asked as the attributes ask it.
fn outcome() -> cachemacro_runtime::outcome::OfResult<Option<Value>, Failure> {
    use generated::rungs::*;
    (&&Probe::<Output>::NEW).outcome()
}
