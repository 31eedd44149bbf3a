//! The redis-server, and what is done to it.

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use redis::Value;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// How long a server may take to start; far longer than it does.
const START_MAX: Duration = Duration::from_secs(20);

/// How long one command of the driver's may take. A stopped server answers none.
const COMMAND_MAX: Duration = Duration::from_secs(2);

/// A server of the driver's own, which ends with it.
pub(super) struct Server {
    port: u16,
    folder: PathBuf,
    refuses_tracking: bool,
    child: Mutex<Child>,
}

impl Server {
    /// Starts one; it may refuse to tell of changes.
    pub(super) async fn start(refuses_tracking: bool) -> Result<Self, Box<dyn Error>> {
        let folder = std::env::temp_dir().join(format!("cachemacro-faults-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        for port in ports() {
            let mut child = spawn(port, &folder, refuses_tracking)?;
            if is_up(port, &mut child).await {
                return Ok(Self { port, folder, refuses_tracking, child: Mutex::new(child) });
            }
        }
        Err("redis-server does not start; is it installed?".into())
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command on a connection of its own.
    pub(super) async fn command(&self, args: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let answer = async {
            let mut connection = client.get_multiplexed_async_connection().await?;
            redis::Cmd::new().arg(args).query_async(&mut connection).await
        };
        timeout(COMMAND_MAX, answer)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Runs a command until the server has taken it.
    pub(super) async fn insist(&self, args: &[&str]) {
        while self.command(args).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The bytes that it uses now.
    pub(super) async fn used_bytes(&self) -> Option<u64> {
        let Ok(Value::BulkString(info)) = self.command(&["INFO", "memory"]).await else { return None };
        let info = String::from_utf8(info).ok()?;
        info.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok())
    }

    /// How many keys it has evicted since it started.
    pub(super) async fn evicted(&self) -> Option<u64> {
        let Ok(Value::BulkString(info)) = self.command(&["INFO", "stats"]).await else { return None };
        let info = String::from_utf8(info).ok()?;
        info.lines().find_map(|line| line.strip_prefix("evicted_keys:")?.trim().parse().ok())
    }

    pub(super) async fn signal(&self, signal: Signal) {
        let child = self.child.lock().await;
        send(&child, signal);
    }

    /// SIGKILL; returns once the process is gone.
    pub(super) async fn kill(&self) {
        // It may be gone already, which is as well.
        let _ = self.child.lock().await.kill().await;
    }

    /// Starts again on the same port, with an empty memory.
    pub(super) async fn start_again(&self) -> Result<(), Box<dyn Error>> {
        let mut child = self.child.lock().await;
        *child = spawn(self.port, &self.folder, self.refuses_tracking)?;
        if is_up(self.port, &mut child).await {
            Ok(())
        } else {
            Err(format!("redis-server does not start again on port {}", self.port).into())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process is killed as its handle is dropped. A folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ports to try, as one may be taken.
///
/// They lie below those that the kernel hands out: a proxy that dials a server which is down could otherwise
/// be given the very port it dials, connect to itself, and keep the server from starting again.
fn ports() -> impl Iterator<Item = u16> {
    let first = std::process::id().wrapping_mul(131);
    // At most 29,999, so nothing is cut off.
    (0..20).map(move |count| (10_000 + first.wrapping_add(count) % 20_000) as u16)
}

/// Sends a signal to a process that was not waited for yet, so that its id is still its own.
pub(super) fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // One that has ended by itself is found out elsewhere.
        let _ = kill_process(pid, signal);
    }
}

/// All may do everything, but be told of changes.
const WITHOUT_TRACKING: [&str; 8] =
    ["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-client|tracking"];

fn spawn(port: u16, folder: &PathBuf, refuses_tracking: bool) -> std::io::Result<Child> {
    Command::new("redis-server")
        .current_dir(folder)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--enable-debug-command", "yes"])
        .args(if refuses_tracking { &WITHOUT_TRACKING[..] } else { &[] })
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// Whether the child comes to answer on the port; if another one took it, the child ends.
async fn is_up(port: u16, child: &mut Child) -> bool {
    let since = Instant::now();
    while since.elapsed() < START_MAX {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        let ours = child.id().map(|id| format!("process_id:{id}"));
        let asked = async {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await
        };
        if let Ok(Ok(info)) = timeout(COMMAND_MAX, asked).await
            && info.lines().any(|line| Some(line) == ours.as_deref())
        {
            return true;
        }
        sleep(Duration::from_millis(5)).await;
    }
    false
}
