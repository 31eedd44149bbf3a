//! A redis-server of the test's own, which ends with it.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cachemacro::Cache;

/// How long a server may take to start; far longer than it does.
const START_MAX: Duration = Duration::from_secs(20);

/// How long one command of a test's own may take.
const CLI_MAX: Duration = Duration::from_secs(5);

/// How often a port that was free is tried again when another process takes it first.
const PORTS_MAX: u32 = 10;

/// A server on a free port with an empty memory, in a folder of its own.
pub(crate) struct RedisServer {
    port: u16,
    args: Vec<String>,
    folder: PathBuf,
    child: Option<Child>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with more arguments, such as `["--maxmemory", "2mb"]`.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cachemacro-redis-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the server");
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut server = Self { port: 0, args, folder, child: None };
        for _ in 0..PORTS_MAX {
            server.port = free_port();
            if server.run() {
                return server;
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port of its own that it was given to speak with other members of a cluster.
    pub(crate) fn bus_port(&self) -> u16 {
        let bus = self.args.iter().skip_while(|arg| *arg != "--cluster-port").nth(1);
        bus.and_then(|port| port.parse().ok()).expect("a member of a cluster")
    }

    /// A cache over it that asks it each time: nothing is kept near.
    pub(crate) async fn cache(&self) -> Cache {
        Cache::builder().url(self.url()).near(0).build().await.expect("the server answers")
    }

    /// The path of the server's own socket, beside its port.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// Runs a command on a new connection and returns its answer as text; a server's error is its text.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.cli_bytes(&args)
    }

    /// The same with arguments of any bytes.
    pub(crate) fn cli_bytes(&self, args: &[&[u8]]) -> String {
        match self.query(args) {
            Ok(value) => text_of(&value),
            Err(error) => error.to_string(),
        }
    }

    fn query(&self, args: &[&[u8]]) -> redis::RedisResult<redis::Value> {
        let mut connection = redis::Client::open(self.url())?.get_connection_with_timeout(CLI_MAX)?;
        connection.set_read_timeout(Some(CLI_MAX))?;
        redis::Cmd::new().arg(args).query(&mut connection)
    }

    /// SIGSTOP: connections stay, and nothing is answered.
    pub(crate) fn stop_signal(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: goes on with what was sent in the meantime.
    pub(crate) fn continue_signal(&self) {
        self.signal("CONT");
    }

    /// SIGKILL; returns once the process is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already, which is as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills the server, if it still runs, and starts it on the same port with an empty memory.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server does not start again on port {}", self.port);
    }

    /// Starts the process; says whether it answers.
    fn run(&mut self) -> bool {
        let child = Command::new("redis-server")
            .current_dir(&self.folder)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--unixsocket", "redis.sock"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(&self.args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        let start = Instant::now();
        while start.elapsed() < START_MAX {
            if self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None))) {
                return false;
            }
            if self.is_ours() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Whether the server that answers on this port is the child, and not one that another test started.
    fn is_ours(&self) -> bool {
        let child = self.child.as_ref().map_or(0, Child::id);
        let info = self.query(&[b"INFO", b"server"]);
        info.is_ok_and(|info| text_of(&info).lines().any(|line| line == format!("process_id:{child}")))
    }

    fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("the server runs");
        let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} is not sent");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        // A folder that stays behind harms no test.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on, never the same twice in this process.
///
/// It lies below those that the kernel hands out: a client of a server that is down could otherwise
/// be given the very port it dials, and connect to itself.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        // Processes that run at the same time begin at different places.
        let port = 10_000 + (std::process::id().wrapping_mul(131).wrapping_add(count)) % 20_000;
        let port = u16::try_from(port).expect("a port below 30,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn text_of(value: &redis::Value) -> String {
    match value {
        redis::Value::Nil => "nil".to_owned(),
        redis::Value::Okay => "OK".to_owned(),
        redis::Value::Int(number) => number.to_string(),
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::SimpleString(text) => text.clone(),
        redis::Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        other => format!("{other:?}"),
    }
}
