//! Redis's own time, without asking for it each time: how old a value is follows from when it was filled.
//!
//! A lookup that comes 10 s after the last question, or after a reconnect, carries a `TIME` in its round
//! trip. Redis read its clock after that was sent, so that its time is never taken for earlier than it is,
//! and for later by a round trip at most; between two questions both clocks drift (NTP keeps that below
//! 5 ms in 10 s), and a clock of the server that is set is followed after 10 s.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

/// How often Redis is asked.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// What is known of Redis's time.
pub(super) struct ServerClock {
    epoch: Instant,
    // Read on every lookup, and written every 10 s; never held across an await.
    sample: Mutex<Option<Sample>>,
}

#[derive(Clone, Copy)]
struct Sample {
    /// Redis's time at the epoch, in ms since 1970.
    at_epoch_ms: u64,
    asked_at: Instant,
    /// The number of connections by then.
    session: u64,
}

impl ServerClock {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), sample: Mutex::new(None) }
    }

    /// Whether Redis is to be asked now.
    pub(super) fn is_due(&self, now: Instant, session: u64) -> bool {
        self.sample().is_none_or(|sample| sample.session != session || now - sample.asked_at >= ASK_EVERY)
    }

    /// Takes the reply to a `TIME` that was sent at this moment. One that is none changes nothing.
    pub(super) fn heard(&self, reply: Option<Value>, sent_at: Instant, session: u64) {
        let Some(server_ms) = reply.and_then(millis) else { return };
        let at_epoch_ms = server_ms.saturating_sub(self.since_epoch_ms(sent_at));
        let sample = Sample { at_epoch_ms, asked_at: sent_at, session };
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
    }

    /// Redis's time at this moment, in ms since 1970.
    pub(super) fn at(&self, now: Instant) -> Option<u64> {
        self.sample().map(|sample| sample.at_epoch_ms + self.since_epoch_ms(now))
    }

    fn sample(&self) -> Option<Sample> {
        *self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_epoch_ms(&self, at: Instant) -> u64 {
        u64::try_from((at - self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

/// The reply to `TIME`: seconds and microseconds, as text.
fn millis(reply: Value) -> Option<u64> {
    let Value::Array(parts) = reply else { return None };
    let [Value::BulkString(seconds), Value::BulkString(micros)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u64>().ok();
    number(&seconds)?.checked_mul(1000)?.checked_add(number(&micros)? / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(seconds: u64, micros: u64) -> Option<Value> {
        let text = |number: u64| Value::BulkString(number.to_string().into_bytes());
        Some(Value::Array(vec![text(seconds), text(micros)]))
    }

    #[test]
    fn its_time_goes_on_from_when_it_was_asked_for() {
        let clock = ServerClock::new();
        let at = |ms| clock.epoch + Duration::from_millis(ms);
        assert_eq!(clock.at(at(0)), None);
        clock.heard(reply(1_700_000_000, 250_999), at(40), 1);
        assert_eq!(clock.at(at(40)), Some(1_700_000_000_250));
        assert_eq!(clock.at(at(1_040)), Some(1_700_000_001_250));
    }

    #[test]
    fn it_is_asked_for_every_ten_seconds_and_after_a_reconnect() {
        let clock = ServerClock::new();
        let at = |ms| clock.epoch + Duration::from_millis(ms);
        assert!(clock.is_due(at(0), 1));
        clock.heard(reply(1, 0), at(0), 1);
        assert!(!clock.is_due(at(9_999), 1) && clock.is_due(at(10_000), 1));
        assert!(clock.is_due(at(1), 2));
    }

    #[test]
    fn an_odd_reply_changes_nothing() {
        let clock = ServerClock::new();
        clock.heard(Some(Value::Nil), clock.epoch, 1);
        clock.heard(Some(Value::Array(vec![Value::Int(1), Value::Int(2)])), clock.epoch, 1);
        clock.heard(None, clock.epoch, 1);
        assert_eq!(clock.at(clock.epoch), None);
    }
}
