//! The child processes, and what they tell.

use std::error::Error;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Options;
use super::server::send;
use crate::checker::{AllClear, Death, Told};
use crate::clock;
use crate::record::Line;
use crate::settings::Wrong;

/// Where a child is to find what it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Posting {
    pub(super) redis: u16,
    pub(super) source: u16,
    /// Whether it keeps values near.
    pub(super) near: bool,
}

/// One place for a child, in which another follows when it is killed.
pub(super) struct Slot {
    posting: Posting,
    options: Options,
    ids: Arc<AtomicU32>,
    heard: Heard,
    running: Mutex<Option<Running>>,
}

struct Running {
    process: u32,
    child: Child,
    listener: JoinHandle<()>,
    /// Whether its end is the driver's wish.
    is_expected: Arc<AtomicBool>,
    is_quiet: Arc<AtomicBool>,
}

/// What all children told.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<StdMutex<Told>>);

impl Heard {
    pub(super) fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(super) fn new(posting: Posting, options: Options, ids: Arc<AtomicU32>, heard: Heard) -> Self {
        Self { posting, options, ids, heard, running: Mutex::new(None) }
    }

    pub(super) async fn start(&self) -> Result<(), Box<dyn Error>> {
        let process = self.ids.fetch_add(1, Ordering::Relaxed);
        let Posting { redis, source, near } = self.posting;
        if near {
            self.heard.lock().near.insert(process);
        }
        let seed = self.options.seed.wrapping_add(u64::from(process).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let numbers = [u64::from(process), redis.into(), source.into(), seed];
        let wrong = self.options.wrong.map_or("right", Wrong::name);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("child").args(numbers.map(|number| number.to_string()));
        command.arg(near.to_string()).arg(wrong);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("a child without an output")?;
        let (is_expected, is_quiet) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (heard, expected, quiet) = (self.heard.clone(), is_expected.clone(), is_quiet.clone());
        let listener = tokio::spawn(async move {
            listen(stdout, process, &heard, &quiet).await;
            if !expected.load(Ordering::Relaxed) {
                heard.lock().crashes.push(process);
            }
        });
        *self.running.lock().await = Some(Running { process, child, listener, is_expected, is_quiet });
        Ok(())
    }

    /// The number of the process that runs here.
    pub(super) async fn process(&self) -> Option<u32> {
        self.running.lock().await.as_ref().map(|running| running.process)
    }

    pub(super) async fn signal(&self, signal: Signal) {
        if let Some(running) = &*self.running.lock().await {
            send(&running.child, signal);
        }
    }

    /// SIGKILL; returns once all that it told is heard.
    pub(super) async fn kill(&self) {
        let Some(mut running) = self.running.lock().await.take() else { return };
        running.is_expected.store(true, Ordering::Relaxed);
        let _ = running.child.kill().await;
        let _ = running.listener.await;
        let death = Death { process: running.process, at: clock::now() };
        self.heard.lock().deaths.push(death);
    }

    /// Tells it to make no more calls, or to read everything once more.
    pub(super) async fn order(&self, order: &str) {
        if let Some(running) = &mut *self.running.lock().await
            && let Some(stdin) = &mut running.child.stdin
        {
            running.is_expected.fetch_or(order == "final", Ordering::Relaxed);
            // A child that is gone is found out by its listener.
            let _ = stdin.write_all(format!("{order}\n").as_bytes()).await;
        }
    }

    /// Waits until it said that nothing runs any more; says whether it did.
    pub(super) async fn is_quiet(&self, within: Duration) -> bool {
        let since = Instant::now();
        while since.elapsed() < within {
            match &*self.running.lock().await {
                Some(running) if running.is_quiet.load(Ordering::Relaxed) => return true,
                Some(_) => {}
                None => return false,
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Waits until it has ended by itself; says whether it did as it should.
    pub(super) async fn has_ended(&self, within: Duration) -> bool {
        let Some(mut running) = self.running.lock().await.take() else { return false };
        let ended = timeout(within, running.child.wait()).await;
        let is_well = ended.is_ok_and(|status| status.is_ok_and(|status| status.success()));
        let _ = running.child.kill().await;
        let _ = running.listener.await;
        is_well
    }
}

/// Notes each line, until there is none any more. One that is cut off by a kill is not a line.
async fn listen(stdout: ChildStdout, process: u32, heard: &Heard, is_quiet: &AtomicBool) {
    let mut lines = BufReader::with_capacity(256 << 10, stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.parse() {
            Ok(Line::Call(call)) => heard.lock().calls.push((process, call)),
            Ok(Line::Undelivered { before, after, count }) => {
                let mut told = heard.lock();
                told.undelivered_most = told.undelivered_most.max(count);
                told.undelivered_last.insert(process, count);
                if count == 0 {
                    told.all_clears.push(AllClear { process, before, after });
                }
            }
            Ok(Line::Quiet) => is_quiet.store(true, Ordering::Relaxed),
            Err(()) => {}
        }
    }
}
