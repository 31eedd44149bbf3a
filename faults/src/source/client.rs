//! The child's end of the source.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::clock::Micros;
use crate::record::Kind;

/// One connection, used by one call at a time.
#[derive(Debug)]
pub(crate) struct Client {
    port: u16,
    process: u32,
    /// `None` before the first use, and while a request is under way: one whose future is dropped
    /// leaves an answer behind that belongs to nobody.
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(port: u16, process: u32) -> Self {
        Self { port, process, stream: None }
    }

    /// The version of a key.
    pub(crate) async fn read(&mut self, key: u8) -> io::Result<u32> {
        self.ask(format!("r {key}\n")).await
    }

    /// A new version for each of the keys; returns that of the first.
    pub(crate) async fn commit(
        &mut self,
        call: u32,
        kind: Kind,
        start: Micros,
        keys: &[u8],
    ) -> io::Result<u32> {
        let mut line = format!("c {} {call} {kind} {start}", self.process);
        for key in keys {
            line.push_str(&format!(" {key}"));
        }
        line.push('\n');
        self.ask(line).await
    }

    async fn ask(&mut self, line: String) -> io::Result<u32> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.write_all(line.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        let version = answer.trim().parse().map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.stream = Some(stream);
        Ok(version)
    }
}
