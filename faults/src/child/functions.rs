//! The functions under test, annotated as a user's would be, over registers instead of a database.

use std::sync::atomic::{AtomicU64, Ordering};

use cachemacro::{Pending, cache_put, cache_result, invalidates};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::plan::Plan;
use crate::clock::{self, Micros};
use crate::source::Client;

/// What is cached: a version, and bytes that belong to it alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) version: u32,
    padding: Vec<u8>,
}

impl Row {
    fn new(key: u8, version: u32) -> Self {
        // Long enough for a value to be cut into many pieces on its way; the odd keys' are longer.
        let len = if key.is_multiple_of(2) { 40 } else { 1500 };
        Self { version, padding: vec![mark(key, version); len] }
    }

    /// Whether it is one that was written for this key.
    pub(super) fn is_whole(&self, key: u8) -> bool {
        !self.padding.is_empty() && self.padding.iter().all(|byte| *byte == mark(key, self.version))
    }
}

fn mark(key: u8, version: u32) -> u8 {
    (version.wrapping_mul(31) as u8) ^ key
}

/// Why a function fails; `Clone`, so that those who wait for a load share its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The body was told to, or had no source.
    Body,
    /// The cache: the guard that is required does not stand.
    Cache,
}

impl From<cachemacro::Error> for Failed {
    fn from(_: cachemacro::Error) -> Self {
        Self::Cache
    }
}

/// What one call's body does, and when it did.
pub(super) struct Job<'a> {
    source: &'a Mutex<Client>,
    id: u32,
    pub(super) plan: Plan,
    start: Micros,
    body: (AtomicU64, AtomicU64),
}

impl<'a> Job<'a> {
    pub(super) fn new(source: &'a Mutex<Client>, id: u32, plan: Plan, start: Micros) -> Self {
        Self { source, id, plan, start, body: Default::default() }
    }

    /// When the body began and when it ended or was dropped, if it ran.
    pub(super) fn body(&self) -> Option<(Micros, Micros)> {
        let (from, to) = (self.body.0.load(Ordering::Relaxed), self.body.1.load(Ordering::Relaxed));
        (from != 0).then_some((from, to))
    }

    async fn load(&self, key: u8) -> Result<Row, Failed> {
        let _timed = Timed::start(self);
        sleep(self.plan.before).await;
        let version = self.source.lock().await.read(key).await.map_err(|_| Failed::Body)?;
        sleep(self.plan.after).await;
        if self.plan.fails { Err(Failed::Body) } else { Ok(Row::new(key, version)) }
    }

    pub(super) async fn commit(&self, keys: &[u8]) -> Result<u32, Failed> {
        let _timed = Timed::start(self);
        sleep(self.plan.before).await;
        let committed = self.source.lock().await.commit(self.id, self.plan.kind, self.start, keys).await;
        let version = committed.map_err(|_| Failed::Body)?;
        sleep(self.plan.after).await;
        if self.plan.fails { Err(Failed::Body) } else { Ok(version) }
    }

    pub(super) async fn commit_row(&self, key: u8) -> Result<Row, Failed> {
        Ok(Row::new(key, self.commit(&[key]).await?))
    }
}

/// Notes the end of a body, also of one that is dropped.
struct Timed<'a>(&'a AtomicU64);

impl<'a> Timed<'a> {
    fn start(job: &'a Job<'_>) -> Self {
        job.body.0.store(clock::now(), Ordering::Relaxed);
        Self(&job.body.1)
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.0.store(clock::now(), Ordering::Relaxed);
    }
}

#[cache_result(ttl = "1s", key = "short:<key>", skip(job))]
pub(super) async fn short(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.load(key).await
}

#[cache_result(ttl = "20s", key = "long:<key>", skip(job))]
pub(super) async fn long(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.load(key).await
}

#[cache_result(ttl = "1s", key = "short:<key>", shares = short, consistency = strict, skip(job))]
pub(super) async fn short_strict(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.load(key).await
}

#[cache_result(ttl = "20s", key = "long:<key>", shares = long, consistency = strict, skip(job))]
pub(super) async fn long_strict(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.load(key).await
}

#[invalidates(short(key), long(key))]
pub(super) async fn change(job: &Job<'_>, key: u8) -> Result<u32, Failed> {
    job.commit(&[key]).await
}

#[invalidates(short(key), long(key), guard = required)]
pub(super) async fn change_guarded(job: &Job<'_>, key: u8) -> Result<u32, Failed> {
    job.commit(&[key]).await
}

#[invalidates(short(key), long(key), guard = off)]
pub(super) async fn change_unguarded(job: &Job<'_>, key: u8) -> Result<u32, Failed> {
    job.commit(&[key]).await
}

#[cache_put(long(key))]
pub(super) async fn put(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.commit_row(key).await
}

#[cache_put(long(key), guard = required)]
pub(super) async fn put_guarded(job: &Job<'_>, key: u8) -> Result<Row, Failed> {
    job.commit_row(key).await
}

/// Changes a key within a transaction, which is the list of what it has changed.
#[invalidates(short(key), long(key), commit = pending)]
pub(super) async fn stage(tx: &mut Vec<u8>, pending: &Pending, key: u8) -> Result<(), Failed> {
    tx.push(key);
    Ok(())
}
