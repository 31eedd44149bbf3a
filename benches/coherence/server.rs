//! A redis-server on a free port, with an empty memory; it ends with its handle.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) struct Server {
    port: u16,
    child: Child,
}

impl Server {
    /// None, if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let child = command.current_dir(std::env::temp_dir()).stdout(Stdio::null()).spawn().ok()?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server does not start");
            sleep(Duration::from_millis(5));
        }
        Some(Self { port, child })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One figure of INFO, in bytes.
pub(crate) fn info(url: &str, name: &str) -> u64 {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_connection().expect("the server runs");
    let info: String = redis::cmd("INFO").query(&mut connection).expect("it answers");
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|value| value.trim().parse().ok()).expect("a figure of INFO")
}
