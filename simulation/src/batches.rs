//! Calls for two keys at once: the engine is called as the code of `batch(ids)` calls it.

use std::panic::resume_unwind;
use std::sync::Arc;

use cachemacro_runtime::generated::batch::{BatchCall, Each, read};
use cachemacro_runtime::generated::{Anywhere, Probe, Sharing};

use crate::calls::{Caller, Failure, Value, found, key_of, of_each};
use crate::history::{Got, Kind};
use crate::plan::{Ending, Operation};

/// One for each key, in their order.
type Both = Result<Vec<Option<Value>>, Failure>;

impl Caller {
    /// Reads two keys in one call: two reads, as far as the history is concerned.
    pub(crate) async fn read_both(self, second: usize) {
        let keys = [self.operation.key, second];
        let world = Arc::clone(&self.process.world);
        let numbers = {
            let mut history = world.history();
            let now = world.ms();
            let numbers = keys.map(|key| history.begin_read(self.number, self.process.number, key, now));
            for (number, other) in numbers.iter().zip([second, self.operation.key]) {
                history.reads[*number].beside = Some(other);
            }
            numbers
        };
        let caller = self.clone();
        let came = self.until_it_leaves(Box::pin(async move { caller.ask_both(keys).await })).await;
        let got = match came {
            Some(Ok(Ok(values))) => [0, 1].map(|at| match values[at] {
                Some(value) => Got::Value(value.version),
                None => Got::None,
            }),
            Some(Ok(Err(failure))) => [Got::Error(failure.version); 2],
            Some(Err(_)) => [Got::Panic; 2],
            None => [Got::Left; 2],
        };
        let mut history = world.history();
        let now = history.at(world.ms());
        for (number, got) in numbers.into_iter().zip(got) {
            history.reads[number].end = Some((now, got));
        }
    }

    async fn ask_both(self, keys: [usize; 2]) -> Both {
        let plan = &self.process.world.plan;
        let call = BatchCall {
            site: self.site(),
            cache: Some(self.process.cache.clone()),
            ttl: plan.ttl,
            chunk: usize::MAX,
            tags: of_each(plan.tagging),
        };
        let body = |keys: Vec<usize>| {
            let caller = self.clone();
            async move { caller.load_both(keys).await }
        };
        read(call, sharing(), Anywhere, keys.to_vec(), |key, buffer| *buffer = key_of(*key), body).await
    }

    /// The body of the function for many keys.
    async fn load_both(&self, keys: Vec<usize>) -> Both {
        let Operation { before, after, ending, .. } = self.operation;
        let world = &self.process.world;
        let running = |key| world.body(self.number, self.process.number, key, Kind::Call);
        let running: Vec<_> = keys.iter().map(|key| running(*key)).collect();
        self.process.work(before).await;
        let versions: Vec<u64> = running.iter().map(|body| body.look()).collect();
        self.process.work(after).await;
        match ending {
            // It is of several keys, and tells the version of none.
            Ending::Err => Err(Failure { version: u64::MAX }),
            Ending::Panic => resume_unwind(Box::new("a planned panic")),
            _ => Ok(versions.into_iter().map(found).collect()),
        }
    }
}

/// What the output means for each key, asked as the attributes ask it.
fn sharing() -> impl Sharing<Output = Each<usize, Both>, Value = Value, Found = Value> {
    use cachemacro_runtime::generated::ladder::*;
    let shape = (&&&&Probe::<Each<usize, Both>>::NEW).shape();
    (&&shape).sharing()
}
