//! The only place that spawns: every task has an owner, and ends when the owner closes; a thread does with the process.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::mutants::{self, Mutant};

/// The tasks of one cache or one store.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    closing: CancellationToken,
    home: Option<Handle>,
}

impl Tasks {
    /// An owner whose tasks run on the current runtime, or, without one, on that of each caller.
    pub fn new() -> Self {
        Self { home: Handle::try_current().ok(), ..Self::default() }
    }

    /// An owner that was closed before it had any.
    pub fn closed() -> Self {
        let tasks = Self::default();
        tasks.tracker.close();
        tasks.closing.cancel();
        tasks
    }

    /// Runs `task` to its end, in the background; [`close`](Self::close) waits for it.
    ///
    /// Says whether it could: without a runtime, or after the close, it cannot.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.spawn_awaited(task).is_some()
    }

    /// The same for a task that somebody waits for, and which goes on when nobody does any more.
    pub(crate) fn spawn_awaited<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        let runtime = self.home.clone().or_else(|| Handle::try_current().ok())?;
        let is_open = !self.tracker.is_closed() || mutants::is(Mutant::TasksOutliveClose);
        is_open.then(|| self.tracker.spawn_on(task, &runtime))
    }

    /// Runs `task` until its end or the close, whichever comes first.
    pub fn spawn_until_closed(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let closing = match mutants::is(Mutant::TasksOutliveClose) {
            true => CancellationToken::new(),
            false => self.closing.clone(),
        };
        self.spawn(async move {
            closing.run_until_cancelled_owned(task).await;
        })
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.tracker.is_closed()
    }

    /// Refuses new tasks, ends those that run until the close, and waits at most `deadline` for the others.
    ///
    /// Says whether all have ended.
    pub async fn close(&self, deadline: Duration) -> bool {
        self.tracker.close();
        self.closing.cancel();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}

/// Runs what must go on while runtimes are held up, on a thread of its own, until it or the process ends.
#[cfg(feature = "redis")]
pub(crate) fn spawn_thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// Runs futures side by side and returns their outputs in order.
pub(crate) async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    let all = poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    });
    pin!(all).await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
