//! Mutations: a commit, and one of the ways into the engine around it.

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;

use cachemacro_runtime::generated::{
    self, Guards, Invalidation, Key, On, Pending, Probe, Target, Targets, WriteThrough,
};

use super::{Caller, Failure, Output, Value, found, sharing};
use crate::history::Mutation;
use crate::plan::{Ending, Operation, Tagging, What, Wrong};
use crate::world::key_name;

impl Caller {
    pub(super) async fn mutate(self) {
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
        let (key, tagging) = (self.operation.key, self.process.world.plan.tagging);
        // Of two calls the second could be left out by a caller who leaves.
        if tagging == Some(Tagging::OfValue) {
            return self.invalidating(Guards::Off).await;
        }
        // Nothing comes in between: a caller who leaves a commit without a word has not invalidated.
        let _ = self.commit_now().await;
        if self.operation.ending == Ending::CrashAfter {
            self.crash().await;
        }
        if self.process.world.plan.has_namespace {
            let _ = self.process.cache.invalidate_all().await;
            return;
        }
        let Some(tagging) = tagging else {
            let _ = generated::invalidate(self.target(key)).await;
            return;
        };
        for tag in self.tags_to_invalidate(tagging, key) {
            let _ = generated::invalidate_tag(Some(self.process.cache.clone()), tag).await;
        }
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
        let Ok(guard) = generated::guard(target, self.site(), sharing(), generated::Anywhere).await else {
            return;
        };
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

    fn targets(&self) -> Vec<Targets> {
        let keys = [Some(self.operation.key), self.operation.second];
        let targets = |key| match self.process.world.plan.tagging {
            Some(tagging) => self.tagged_targets(tagging, key),
            None => vec![Targets::One(self.target(key))],
        };
        keys.into_iter().flatten().flat_map(targets).collect()
    }

    fn target(&self, key: usize) -> Target {
        Target {
            site: Some(self.site()),
            cache: Some(self.process.cache.clone()),
            key: Key::new(key_name(key)),
        }
    }
}

/// How a mutation's output is read, asked as the attributes ask it.
fn outcome() -> cachemacro_runtime::outcome::OfResult<Option<Value>, Failure> {
    use generated::rungs::*;
    (&&Probe::<Output>::NEW).outcome()
}
