//! The source of truth: a versioned register for each key, in the driver, which no fault reaches.
//!
//! A body asks for the version of a key; a mutation commits, and is told the new one. Both are a line each
//! way, on a connection of the worker's own.

mod client;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::{self, Micros};
use crate::record::Kind;
use crate::settings::KEYS;

pub(crate) use client::Client;

/// One key's part of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) process: u32,
    /// The number of the call in its process.
    pub(crate) call: u32,
    pub(crate) kind: Kind,
    /// When that call began.
    pub(crate) start: Micros,
    pub(crate) key: u8,
    pub(crate) version: u32,
    /// When it was committed.
    pub(crate) at: Micros,
}

/// The registers, and all that was ever committed to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    inner: Arc<Mutex<Registers>>,
}

#[derive(Debug, Default)]
struct Registers {
    versions: [u32; KEYS as usize],
    commits: Vec<Commit>,
}

impl Source {
    /// Serves on a port of this machine, until its runtime ends.
    pub(crate) async fn serve(&self) -> io::Result<u16> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let source = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let source = source.clone();
                // A child that is killed ends its connections.
                tokio::spawn(async move { source.answer(stream).await.ok() });
            }
        });
        Ok(port)
    }

    /// All commits so far, in their order.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        self.lock().commits.clone()
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        while let Some(line) = lines.next_line().await? {
            let answer = self.step(&line).ok_or(io::ErrorKind::InvalidData)?;
            writer.write_all(format!("{answer}\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// `r <key>` reads, `c <process> <call> <kind> <start> <key>…` commits; the answer is the version of
    /// the (first) key.
    fn step(&self, line: &str) -> Option<u32> {
        let mut words = line.split(' ');
        let verb = words.next()?;
        let mut registers = self.lock();
        if verb == "r" {
            return registers.versions.get(words.next()?.parse::<usize>().ok()?).copied();
        }
        let (process, call) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (kind, start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let mut first = None;
        for key in words {
            let key: u8 = key.parse().ok()?;
            let version = registers.versions.get_mut(usize::from(key))?;
            *version += 1;
            let version = *version;
            first = first.or(Some(version));
            let at = clock::now();
            registers.commits.push(Commit { process, call, kind, start, key, version, at });
        }
        first
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registers> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
