//! Connections that each send a request when they have the answer to their last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Failure;

pub struct Load {
    pub address: SocketAddr,
    pub paths: Arc<[String]>,
    pub connections: usize,
    pub time: Duration,
}

pub struct Told {
    pub per_second: f64,
    pub hit_rate: f64,
    /// Of each request, in order.
    latencies: Vec<Duration>,
}

impl Told {
    /// What this share of the requests took at most.
    pub fn latency(&self, share: f64) -> Duration {
        let at = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

impl Load {
    pub async fn run(self) -> Result<Told, Failure> {
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let until = began + self.time;
        let mut callers = JoinSet::new();
        for _ in 0..self.connections {
            let mut connection = Connection::open(self.address).await?;
            let (paths, next) = (Arc::clone(&self.paths), Arc::clone(&next));
            callers.spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let path = &paths[next.fetch_add(1, Ordering::Relaxed) % paths.len()];
                    let sent = Instant::now();
                    connection.get(path).await?;
                    latencies.push(sent.elapsed());
                }
                Ok::<_, Failure>(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(caller) = callers.join_next().await {
            latencies.append(&mut caller??);
        }
        let per_second = latencies.len() as f64 / began.elapsed().as_secs_f64();
        latencies.sort_unstable();
        Ok(Told { per_second, hit_rate: hit_rate(self.address).await?, latencies })
    }
}

/// The share of all calls that the server's functions answered without their bodies.
async fn hit_rate(address: SocketAddr) -> Result<f64, Failure> {
    let body = Connection::open(address).await?.get("/cache").await?;
    let stats: serde_json::Value = serde_json::from_slice(&body)?;
    let functions = stats["functions"].as_object().ok_or("`/cache` tells of no functions")?;
    let sum =
        |what: &str| functions.values().filter_map(|function| function[what].as_u64()).sum::<u64>() as f64;
    Ok((sum("hits") + sum("shared")) / sum("calls").max(1.0))
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    async fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        let request = Request::get(path).header(HOST, &self.host).body(Empty::new())?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{path} is answered with {status}").into());
        }
        Ok(body)
    }
}
