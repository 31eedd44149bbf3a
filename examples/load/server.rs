//! The axum example and a redis-server, as processes that end with their handles.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// Builds the example, and says where it is.
pub fn build() -> Result<PathBuf, Failure> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "cachemacro-examples", "--example", "axum"])
        .status()?;
    if !status.success() {
        return Err("the axum example does not build".into());
    }
    // This is `…/release/deps/load-…`.
    let this = std::env::current_exe()?;
    let release = this.ancestors().nth(2).ok_or("this is no program of cargo's")?;
    Ok(release.join("examples/axum"))
}

/// A copy of the example.
pub struct Server {
    pub address: SocketAddr,
    _process: Process,
}

impl Server {
    pub fn start(program: &Path, database: &Path, cache: &str) -> Result<Self, Failure> {
        let mut process = Command::new(program)
            .args(["--port", "0", "--database"])
            .arg(database)
            .env("CACHEMACRO_URL", cache)
            .stdout(Stdio::piped())
            .spawn()
            .map(Process)?;
        let told = BufReader::new(process.0.stdout.take().ok_or("it has no output")?);
        for line in told.lines() {
            if let Some(address) = line?.strip_prefix("listening on http://") {
                return Ok(Self { address: address.parse()?, _process: process });
            }
        }
        Err("the axum example ended before it listened".into())
    }
}

/// A redis-server on a free port, which keeps nothing.
pub struct Redis {
    port: u16,
    _process: Process,
}

impl Redis {
    /// None, where it is not installed.
    pub fn start() -> Result<Option<Self>, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let port_text = port.to_string();
        let started = Command::new("redis-server")
            .args(["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = started.map(Process) else { return Ok(None) };
        let until = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > until {
                return Err("redis-server does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(Self { port, _process: process }))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
