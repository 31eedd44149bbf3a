//! A process: the shipped engine, its connection, and what can happen to it as a whole.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use cachemacro_runtime::cache::{Cache, Cause, InvalidationEvent, Subject};
use cachemacro_runtime::clock::Clock;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::calls::tells_of;
use crate::link::Link;
use crate::plan::millis;
use crate::store::SimStore;
use crate::world::{World, key_name};
use cachemacro_runtime::key::Key;

/// What all processes of a world name, if they name one.
pub(crate) const NAMESPACE: &str = "world";

tokio::task_local! {
    /// The operation that a task is about, for the hook.
    pub(crate) static OPERATION: usize;
}

/// One process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) world: Arc<World>,
    pub(crate) link: Arc<Link>,
    pub(crate) cache: Cache,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Process {
    pub(crate) async fn start(number: usize, world: Arc<World>) -> Arc<Self> {
        let link = Arc::new(Link::new(number, Arc::clone(&world)));
        let myself = Arc::new(OnceLock::<Weak<Self>>::new());
        let listener = Arc::clone(&myself);
        let (near, staleness) = world.plan.near.map_or((0, 0), |staleness| (1 << 20, staleness));
        let builder = match world.plan.has_namespace {
            true => Cache::builder().namespace(NAMESPACE),
            false => Cache::builder(),
        };
        let cache = builder
            .near(near)
            .near_prefixes(&["register:", "cachemacro:tag:"])
            .staleness(millis(staleness))
            .clock(Clock::tokio())
            .store(Arc::new(SimStore(Arc::clone(&link))))
            .lease(world.plan.lease)
            .guard(world.plan.guard)
            .wait_max(world.plan.wait_max)
            .on_invalidation(move |event| {
                if let Some(process) = listener.get().and_then(Weak::upgrade) {
                    process.hear(event);
                }
            })
            .build()
            .await
            .expect("a store that is given needs no connection");
        let process = Arc::new(Self { number, world, link, cache, tasks: Mutex::default() });
        myself.set(Arc::downgrade(&process)).expect("it is set once");
        process
    }

    /// Learns what the store has taken.
    fn hear(&self, event: &InvalidationEvent<'_>) {
        let plan = &self.world.plan;
        let is_meant = |key: &usize| match (event.subject, plan.tagging) {
            (Subject::Key(subject), _) => *subject == Key::new(key_name(*key)),
            (Subject::Tag(tag), Some(tagging)) => tells_of(tagging, tag, *key),
            (Subject::All, _) => true,
            _ => false,
        };
        let keys = (0..self.world.plan.keys).filter(is_meant);
        match event.cause {
            Cause::Delayed => {
                keys.for_each(|key| self.world.history().taken_again(key, self.world.ms()));
                // Something older may be what was delivered, unless nothing is left.
                if self.cache.status().undelivered == 0 {
                    self.world.history().delivered(self.number, self.world.ms());
                }
            }
            _ => {
                if let Ok(operation) = OPERATION.try_with(|operation| *operation) {
                    keys.for_each(|key| self.world.history().heard(operation, key, self.world.ms()));
                }
            }
        }
    }

    /// Runs what a caller in this process does, for as long as the process lives.
    pub(crate) fn spawn(
        &self,
        operation: usize,
        caller: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let task = tokio::spawn(OPERATION.scope(operation, caller));
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task.abort_handle());
        task
    }

    /// Lets time go by in a body, and more of it while the process stands still.
    pub(crate) async fn work(&self, ms: u64) {
        if ms > 0 {
            sleep(millis(ms)).await;
        }
        self.link.awake().await;
        if self.link.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends at once: no caller goes on, nothing is sent any more.
    pub(crate) fn crash(&self, arrives: bool) {
        self.link.kill(arrives);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(AbortHandle::abort);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.link.is_dead()
    }
}
