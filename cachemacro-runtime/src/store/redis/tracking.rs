//! Being told of changes: client-side caching in broadcast mode, on a connection of its own.
//!
//! `CLIENT TRACKING ON BCAST PREFIX …` covers whatever changes a key, expiry, eviction and FLUSHALL
//! included, and needs no table in the server. The driver's task hands on what it reads in the order in which
//! it was sent, so that what is told before an answer is heard before it.
//!
//! # Where it is refused
//!
//! Then the connection subscribes to what the scripts of this library publish ([`scripts`](super::scripts)): each
//! invalidation, and each begin and end of a guard, whether the key is there or not; and at the begin of a sweep, that
//! anything may have changed. That is all that P2 needs. Nobody has acknowledged the invalidation of a key that
//! expires or is evicted, and the next one is told though the key is gone; a value is over at its own time; and what a
//! crashed writer's guard takes with it was dropped when the guard began. What other programs write, a FLUSHALL and a
//! refresh are not told: what is kept lives on, until its ttl at the latest.
//!
//! A message is sent in the turn of its script, before any later answer. Processes that share keys must all be allowed
//! to publish: who opens a subscription tries that for itself.
//!
//! # Signs of life
//!
//! UNLINK of a key that is not there, outside of all that is watched: a full server takes it as well, and it
//! leaves nothing behind. It is a write to a key, as a server that has lost its majority goes on answering
//! PING. A server sends the answers of one turn of its loop before what was changed in that turn (with one
//! PING the change came after the answer 40 times of 40), which is why its caller touches it twice.

use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ProtocolVersion, PushInfo, PushKind, Value};
use tokio::time::timeout;

use super::dialler::{Dialler, Logged};
use super::failure::Failure;
use super::scripts::CHANNEL;
use crate::error::{Error, Result};
use crate::store::{StoreFuture, Watch, Watcher, Watching};

/// A connection on which the server tells of changes.
pub(super) struct Tracking {
    connection: MultiplexedConnection,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What a sign of life writes to.
    beat_key: Vec<u8>,
    /// Whether it is the server that tells, and not who invalidates.
    tells_all: bool,
}

/// Connects, and has the server tell of changes.
pub(super) async fn open(dialler: &Dialler, watch: &Watch) -> Result<Tracking, Failure> {
    let settings = dialler.server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let told = Told(Weak::clone(&watch.watcher));
    let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| told.hear(push));
    let mut track = redis::cmd("CLIENT");
    track.arg("TRACKING").arg("ON").arg("BCAST");
    for prefix in &watch.prefixes {
        track.arg("PREFIX").arg(&**prefix);
    }
    let open = async {
        let Logged { connection, driver } = dialler.open(&settings, config).await?;
        let beat_key = beat_key(&watch.within, &watch.prefixes);
        let mut tracking = Tracking { connection, driver, beat_key, tells_all: true };
        match tracking.ask(&track).await {
            Ok(Value::Okay) => {}
            Ok(Value::ServerError(error)) => tracking.subscribe(Failure::from(&error)).await?,
            Ok(_) => return Err(Failure::ODD_REPLY),
            Err(failure) => tracking.subscribe(failure).await?,
        }
        Ok(tracking)
    };
    timeout(dialler.timeout, open).await.unwrap_or(Err(Failure::UNANSWERED))
}

impl Tracking {
    /// Asks, and drives the connection meanwhile.
    async fn ask(&mut self, command: &Cmd) -> Result<Value, Failure> {
        tokio::select! {
            () = &mut self.driver => Err(Failure::LOST),
            answer = self.connection.send_packed_command(command) => {
                answer.map_err(|error| Failure::from(&error))
            }
        }
    }

    /// Hears what is published, as the server refuses to tell of changes; if that is refused too, it is for the first
    /// reason.
    async fn subscribe(&mut self, refused: Failure) -> Result<(), Failure> {
        if !refused.is_refusal() {
            return Err(refused);
        }
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg("");
        match self.ask(&publish).await {
            Ok(Value::Int(_)) => {}
            Ok(_) | Err(_) => return Err(refused),
        }
        let subscribed = tokio::select! {
            () = &mut self.driver => return Err(Failure::LOST),
            subscribed = self.connection.subscribe(CHANNEL) => subscribed,
        };
        self.tells_all = false;
        subscribed.map_err(|_| refused)
    }

    async fn beat(&mut self) -> Result<Duration, Failure> {
        let mut write = redis::cmd("UNLINK");
        write.arg(&self.beat_key);
        written(self.ask(&write).await?)?;
        time_of(self.ask(&redis::cmd("TIME")).await?)
    }
}

impl Watching for Tracking {
    fn touch(&mut self) -> StoreFuture<'_, Result<Duration>> {
        Box::pin(async move { self.beat().await.map_err(|failure| failure.of("redis watch")) })
    }

    fn tells_all(&self) -> bool {
        self.tells_all
    }

    fn lost(&mut self) -> StoreFuture<'_, Error> {
        Box::pin(async move {
            (&mut self.driver).await;
            Failure::LOST.of("redis watch")
        })
    }
}

fn written(answer: Value) -> Result<(), Failure> {
    match answer {
        Value::Int(_) => Ok(()),
        Value::ServerError(error) => Err(Failure::from(&error)),
        _ => Err(Failure::ODD_REPLY),
    }
}

/// The reply to TIME: seconds, and microseconds of the next.
fn time_of(answer: Value) -> Result<Duration, Failure> {
    let parts = match answer {
        Value::Array(parts) => <[Value; 2]>::try_from(parts).ok(),
        Value::ServerError(error) => return Err(Failure::from(&error)),
        _ => None,
    };
    let number = |part: Value| match part {
        Value::BulkString(digits) => std::str::from_utf8(&digits).ok()?.parse::<u64>().ok(),
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    let time = parts.and_then(|[seconds, micros]| {
        Some(Duration::from_secs(number(seconds)?) + Duration::from_micros(number(micros)?))
    });
    time.ok_or(Failure::ODD_REPLY)
}

/// A key within a namespace that begins with none of the prefixes: what is written to it is told to nobody.
fn beat_key(within: &[u8], prefixes: &[Box<[u8]>]) -> Vec<u8> {
    let is_free = |first: &u8| {
        let beat = [within, &[*first]].concat();
        !prefixes.iter().any(|prefix| beat.starts_with(prefix) || prefix.starts_with(&beat))
    };
    // Where every first byte is taken, the beats are told too, which costs messages and nothing else.
    let first = b"~!#$%&".iter().copied().chain(0..=u8::MAX).find(is_free).unwrap_or(b'~');
    [within, &[first], b"cachemacro:beat"].concat()
}

/// Hands on what the server tells.
struct Told(Weak<dyn Watcher>);

impl Told {
    fn hear(&self, PushInfo { kind, data }: PushInfo) -> Result<(), ()> {
        let Some(watcher) = self.0.upgrade() else { return Ok(()) };
        if kind == PushKind::Message {
            match data.last() {
                Some(Value::BulkString(key)) if !key.is_empty() => watcher.changed(key),
                _ => watcher.flushed(),
            }
        }
        if kind != PushKind::Invalidate {
            return Ok(());
        }
        match <[Value; 1]>::try_from(data) {
            Ok([Value::Array(keys)]) => keys.iter().for_each(|key| match key {
                Value::BulkString(key) => watcher.changed(key),
                _ => watcher.flushed(),
            }),
            // Nil, for a FLUSHALL; and whatever else is not understood.
            _ => watcher.flushed(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_beats_is_outside_of_what_is_watched() {
        let prefixes =
            |texts: &[&str]| -> Vec<Box<[u8]>> { texts.iter().map(|t| t.as_bytes().into()).collect() };
        assert_eq!(beat_key(b"", &prefixes(&["user:"])), b"~cachemacro:beat");
        assert_eq!(beat_key(b"", &prefixes(&["~", "!x", "user:"])), b"#cachemacro:beat");
        assert_eq!(beat_key(b"app:", &prefixes(&["app:user:"])), b"app:~cachemacro:beat");
        assert_eq!(beat_key(b"app:", &prefixes(&["app:~", "app:user:"])), b"app:!cachemacro:beat");
    }

    #[test]
    fn the_time_is_read_to_the_microsecond() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let time = time_of(Value::Array(vec![text("1700000000"), text("42")])).expect("a time");
        assert_eq!(time, Duration::new(1_700_000_000, 42_000));
        assert!(time_of(Value::Array(vec![text("1700000000")])).is_err());
        assert!(time_of(Value::Okay).is_err());
    }
}
