//! A redis-server of the test's own, which ends with it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to start; far longer than it does.
const START_MAX: Duration = Duration::from_secs(20);

/// How often a port that was free is tried again when another process takes it first.
const PORTS_MAX: u32 = 10;

/// A server on a free port with an empty memory, in a folder of its own.
pub struct RedisServer {
    port: u16,
    args: Vec<String>,
    folder: PathBuf,
    child: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with more arguments, such as `["--maxmemory", "2mb"]`.
    pub fn start_with(args: &[&str]) -> Self {
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

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the server's own socket, beside its port.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// Runs a command on a new connection and returns its answer as text; a server's error is its text.
    pub fn cli(&self, args: &[&str]) -> String {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.cli_bytes(&args)
    }

    /// The same with arguments of any bytes.
    pub fn cli_bytes(&self, args: &[&[u8]]) -> String {
        let client = redis::Client::open(self.url()).expect("a usable url");
        let mut connection =
            client.get_connection_with_timeout(Duration::from_secs(5)).expect("a connection");
        let mut command = redis::Cmd::new();
        command.arg(args);
        match command.query::<redis::Value>(&mut connection) {
            Ok(value) => text_of(&value),
            Err(error) => error.to_string(),
        }
    }

    /// SIGSTOP: connections stay, and nothing is answered.
    pub fn stop_signal(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: goes on with what was sent in the meantime.
    pub fn continue_signal(&self) {
        self.signal("CONT");
    }

    /// SIGKILL; returns once the process is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already, which is as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills the server, if it still runs, and starts it on the same port with an empty memory.
    pub fn restart(&mut self) {
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
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && self.cli(&["PING"]) == "PONG" {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
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
