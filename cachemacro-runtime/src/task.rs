//! The only place that spawns: every task has an owner, and ends when the owner closes.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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

    /// Runs `task` to its end, in the background; [`close`](Self::close) waits for it.
    ///
    /// Says whether it could: without a runtime, or after the close, it cannot.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let runtime = self.home.clone().or_else(|| Handle::try_current().ok());
        match runtime {
            Some(runtime) if !self.tracker.is_closed() => {
                self.tracker.spawn_on(task, &runtime);
                true
            }
            _ => false,
        }
    }

    /// Runs `task` until its end or the close, whichever comes first.
    pub fn spawn_until_closed(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let closing = self.closing.clone();
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
