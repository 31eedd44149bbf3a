//! A redis-server on a free port, with an empty memory, on one core with this process; it ends with its handle.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct Server {
    port: u16,
    child: Child,
}

impl Server {
    /// None, if it is not installed.
    pub fn start() -> Option<Self> {
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
        for process in [child.id(), std::process::id()] {
            on_one_core(process);
        }
        Some(Self { port, child })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a call costs both is then what limits its rate, and no second core hides it.
fn on_one_core(process: u32) {
    let moved = Command::new("taskset")
        .args(["-a", "-c", "-p", "0", &process.to_string()])
        .stdout(Stdio::null())
        .status();
    if !moved.is_ok_and(|status| status.success()) {
        println!("without `taskset` it runs on several cores");
    }
}
