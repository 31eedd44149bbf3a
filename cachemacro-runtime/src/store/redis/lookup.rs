//! One lookup on one lane: how each key is asked for, and what the answers mean.
//!
//! | form | commands | when |
//! |---|---|---|
//! | [`Form::Lease`] | `SET k L… NX GET PX` | a lease is asked for |
//! | [`Form::LeaseOld`] | `SET k L… NX PX`, `GET k` | the same, before Redis 7.0 |
//! | [`Form::Read`] | `GET k`, `PTTL k` | no lease is asked for, or the server refuses writes |
//!
//! A `TIME` goes before them now and then: see [`clock`](super::clock).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::time::Instant;

use super::clock::ServerClock;
use super::failure::{Failure, refuses_writes};
use super::lane::Lane;
use super::layout::{self, Stored};
use super::packing::pack;
use crate::store::{Ask, Found, Lease};

const OPERATION: &str = "redis lookup";

/// Looks one key up in the usual way: with a lease, in one command. None if that is to be asked as [`run`] does.
pub(super) async fn one(
    lane: &Lane,
    asks: &[Ask<'_>; 1],
    before_redis_7: &AtomicBool,
    clock: &ServerClock,
    deadline: Instant,
) -> Option<Found> {
    let [ask] = asks;
    let (lease, session) = (ask.lease?, lane.sessions());
    if before_redis_7.load(Ordering::Relaxed) || clock.is_due(lane.began(deadline), session) {
        return None;
    }
    let (string, mut digits) = (layout::lease(lease.token), itoa::Buffer::new());
    let ttl_ms = digits.format(layout::lease_ms(lease)).as_bytes();
    let mut command = Vec::with_capacity(ask.key.len() + 96);
    pack(&mut command, "SET", [ask.key, &string, b"NX", b"GET", b"PX", ttl_ms].into_iter());
    let reply = match lane.call_one(command, deadline).await {
        Ok(reply) => reply,
        Err(failure) => return Some(Found::Failed(failure.on(OPERATION, ask.key))),
    };
    let now_ms = clock.at(Instant::now());
    match Form::Lease(lease).read(ask.lease, now_ms, &mut std::iter::once(reply)) {
        Ok(Answer::Found(found)) => Some(found),
        Ok(Answer::Again(form)) => {
            form.found_out(before_redis_7);
            let all = Box::pin(rounds(lane, asks, vec![(0, form)], before_redis_7, clock, deadline)).await;
            all.into_iter().next().map(|(_, found)| found)
        }
        Err(failure) => Some(Found::Failed(failure.on(OPERATION, ask.key))),
    }
}

/// Looks up those of the asks that `picks` names; returns what was found beside their places.
///
/// `before_redis_7` is set once the server turns out not to know `SET … NX GET`.
pub(super) async fn run(
    lane: &Lane,
    asks: &[Ask<'_>],
    picks: Vec<usize>,
    before_redis_7: &AtomicBool,
    clock: &ServerClock,
    deadline: Instant,
) -> Vec<(usize, Found)> {
    let first = |ask: &Ask<'_>| match ask.lease {
        Some(lease) if before_redis_7.load(Ordering::Relaxed) => Form::LeaseOld(lease),
        Some(lease) => Form::Lease(lease),
        None => Form::Read,
    };
    let round = picks.into_iter().map(|at| (at, first(&asks[at]))).collect();
    rounds(lane, asks, round, before_redis_7, clock, deadline).await
}

async fn rounds(
    lane: &Lane,
    asks: &[Ask<'_>],
    mut round: Vec<(usize, Form)>,
    before_redis_7: &AtomicBool,
    clock: &ServerClock,
    deadline: Instant,
) -> Vec<(usize, Found)> {
    let mut all = Vec::with_capacity(round.len());
    // At most two rounds: only `Form::Lease` asks again, and never in its own form.
    while !round.is_empty() {
        let mut commands = redis::pipe();
        let (sent_at, session) = (Instant::now(), lane.sessions());
        let asks_time = clock.is_due(sent_at, session);
        if asks_time {
            commands.cmd("TIME");
        }
        for (at, form) in &round {
            form.write(asks[*at].key, &mut commands);
        }
        let mut replies = match lane.call(&commands, deadline).await {
            Ok(replies) => replies.into_iter(),
            Err(failure) => {
                all.extend(
                    round.iter().map(|&(at, _)| (at, Found::Failed(failure.on(OPERATION, asks[at].key)))),
                );
                break;
            }
        };
        if asks_time {
            clock.heard(replies.next(), sent_at, session);
        }
        let now_ms = clock.at(Instant::now());
        let mut again = Vec::new();
        for (at, form) in round {
            match form.read(asks[at].lease, now_ms, &mut replies) {
                Ok(Answer::Found(found)) => all.push((at, found)),
                Ok(Answer::Again(form)) => {
                    form.found_out(before_redis_7);
                    again.push((at, form));
                }
                Err(failure) => all.push((at, Found::Failed(failure.on(OPERATION, asks[at].key)))),
            }
        }
        round = again;
    }
    all
}

/// How a key is asked for.
#[derive(Clone, Copy, Debug)]
enum Form {
    Lease(Lease),
    LeaseOld(Lease),
    Read,
}

/// What the replies to one key say.
#[derive(Debug)]
enum Answer {
    Found(Found),
    /// Nothing; it has to be asked in this form.
    Again(Form),
}

impl Form {
    /// Notes what kind of server it is that has to be asked in this form.
    fn found_out(self, before_redis_7: &AtomicBool) {
        if matches!(self, Self::LeaseOld(_)) {
            before_redis_7.store(true, Ordering::Relaxed);
        }
    }

    fn write(self, key: &[u8], commands: &mut Pipeline) {
        match self {
            Self::Lease(lease) => {
                set(key, lease, commands);
                // Redis takes the options in any order.
                commands.arg("GET");
            }
            Self::LeaseOld(lease) => {
                set(key, lease, commands);
                commands.cmd("GET").arg(key);
            }
            Self::Read => {
                commands.cmd("GET").arg(key).cmd("PTTL").arg(key);
            }
        }
    }

    /// Reads as many replies as [`write`](Self::write) wrote commands.
    fn read(
        self,
        asked: Option<Lease>,
        now_ms: Option<u64>,
        replies: &mut impl Iterator<Item = Value>,
    ) -> Result<Answer, Failure> {
        let mut next = || replies.next().ok_or(Failure::ODD_REPLY);
        match self {
            Self::Lease(lease) => match next()? {
                Value::ServerError(error) if refuses_writes(&error) => Ok(Answer::Again(Self::Read)),
                Value::ServerError(error) if is_syntax_error(&error) => {
                    Ok(Answer::Again(Self::LeaseOld(lease)))
                }
                // What was there before: nothing, so the lease is there now.
                Value::Nil => Ok(Answer::Found(Found::Lead)),
                reply => found(reply, Some(lease), now_ms).map(Answer::Found),
            },
            Self::LeaseOld(lease) => {
                let (set, there) = (next()?, next()?);
                let found = match (set, there) {
                    (Value::Okay, _) => Found::Lead,
                    // Someone's, which ended in between.
                    (Value::Nil, Value::Nil) => Found::Busy,
                    (Value::Nil, there) => found(there, Some(lease), now_ms)?,
                    (Value::ServerError(error), there) if refuses_writes(&error) => {
                        found(there, Some(lease), now_ms)?
                    }
                    (Value::ServerError(error), _) => return Err(Failure::from(&error)),
                    _ => return Err(Failure::ODD_REPLY),
                };
                Ok(Answer::Found(found))
            }
            Self::Read => {
                let (there, left) = (stored(next()?, now_ms)?, next()?);
                Ok(Answer::Found(match (there, left) {
                    (Stored::Value(_) | Stored::Guarded(_), Value::Int(-2)) => Found::Absent,
                    (Stored::Value(mut entry), Value::Int(left_ms)) => {
                        // Without an expiry (-1), the ttl it was filled with.
                        let left = u64::try_from(left_ms).map_or(entry.ttl, Duration::from_millis);
                        entry.ttl_left = Some(left.min(entry.ttl));
                        Found::Hit(entry)
                    }
                    (Stored::Guarded(guards), Value::Int(left_ms)) => {
                        // Without an expiry somebody else was at it, and nothing tells the time.
                        let left = u64::try_from(left_ms).ok().map(Duration::from_millis);
                        Found::Guarded(left.and_then(|left| guards.carried_by(left)))
                    }
                    (Stored::Value(_) | Stored::Guarded(_), _) => return Err(Failure::ODD_REPLY),
                    (other, _) => meaning(other, asked),
                }))
            }
        }
    }
}

fn set(key: &[u8], lease: Lease, commands: &mut Pipeline) {
    let string = layout::lease(lease.token);
    commands.cmd("SET").arg(key).arg(&string[..]).arg("NX").arg("PX").arg(layout::lease_ms(lease));
}

/// What is there means this to someone who asked for this lease, or for none.
fn found(there: Value, asked: Option<Lease>, now_ms: Option<u64>) -> Result<Found, Failure> {
    stored(there, now_ms).map(|there| meaning(there, asked))
}

pub(super) fn meaning(there: Stored, asked: Option<Lease>) -> Found {
    match (there, asked) {
        (Stored::Value(entry), _) => Found::Hit(entry),
        (Stored::Lease(token), Some(lease)) if token == lease.token => Found::Lead,
        (Stored::Lease(_), Some(_)) => Found::Busy,
        (Stored::Lease(_), None) | (Stored::Nothing, _) => Found::Absent,
        (Stored::Guarded(guards), _) => Found::Guarded(guards.carried()),
        (Stored::Foreign, _) => Found::Foreign,
        (Stored::OtherKind, _) => Found::OtherKind,
    }
}

pub(super) fn stored(there: Value, now_ms: Option<u64>) -> Result<Stored, Failure> {
    match there {
        Value::Nil => Ok(Stored::Nothing),
        Value::BulkString(bytes) => Ok(layout::decode(bytes, now_ms)),
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(Stored::OtherKind),
        Value::ServerError(error) => Err(Failure::from(&error)),
        _ => Err(Failure::ODD_REPLY),
    }
}

/// `NX` and `GET` together are an error of syntax before Redis 7.0; nothing else in the command can be.
fn is_syntax_error(error: &redis::ServerError) -> bool {
    error.code() == "ERR" && error.details().is_some_and(|details| details.starts_with("syntax error"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Token;

    fn lease() -> Lease {
        Lease { token: Token::random(), ttl: Duration::from_secs(3) }
    }

    fn error(answer: &str) -> Value {
        redis::parse_redis_value(format!("-{answer}\r\n").as_bytes()).expect("an answer")
    }

    fn string(bytes: &[u8]) -> Value {
        Value::BulkString(bytes.to_vec())
    }

    fn read(form: Form, asked: Option<Lease>, replies: Vec<Value>) -> Answer {
        form.read(asked, None, &mut replies.into_iter()).expect("an answer")
    }

    #[test]
    fn before_redis_7_a_lease_is_asked_for_in_two_commands() {
        let lease = lease();
        let answer = read(Form::Lease(lease), Some(lease), vec![error("ERR syntax error")]);
        assert!(matches!(answer, Answer::Again(Form::LeaseOld(_))), "{answer:?}");
    }

    #[test]
    fn a_server_that_refuses_writes_is_read() {
        for refusal in ["OOM x", "READONLY x", "NOREPLICAS x", "MISCONF x"] {
            let lease = lease();
            let answer = read(Form::Lease(lease), Some(lease), vec![error(refusal)]);
            assert!(matches!(answer, Answer::Again(Form::Read)), "{answer:?}");
            let old = read(Form::LeaseOld(lease), Some(lease), vec![error(refusal), Value::Nil]);
            assert!(matches!(old, Answer::Found(Found::Absent)), "{old:?}");
        }
    }

    #[test]
    fn other_refusals_are_failures() {
        for refusal in ["NOPERM x", "NOAUTH x", "LOADING x", "ERR x"] {
            let lease = lease();
            assert!(
                Form::Lease(lease).read(Some(lease), None, &mut vec![error(refusal)].into_iter()).is_err()
            );
            let old = vec![error(refusal), Value::Nil];
            assert!(Form::LeaseOld(lease).read(Some(lease), None, &mut old.into_iter()).is_err());
        }
    }

    #[test]
    fn before_redis_7_a_key_that_ends_between_the_commands_is_busy() {
        let lease = lease();
        let answer = read(Form::LeaseOld(lease), Some(lease), vec![Value::Nil, Value::Nil]);
        assert!(matches!(answer, Answer::Found(Found::Busy)), "{answer:?}");
    }

    #[test]
    fn a_value_that_ends_between_the_commands_is_absent() {
        let value = [&layout::value_head(Token::random())[..], &[0; 16]].concat();
        let answer = read(Form::Read, None, vec![string(&value), Value::Int(-2)]);
        assert!(matches!(answer, Answer::Found(Found::Absent)), "{answer:?}");
    }

    #[test]
    fn guards_that_end_between_the_commands_are_absent() {
        let guards = [&b"G\x01\0\0\x01"[..], &[0; 8], &[0xff; 24]].concat();
        let answer = read(Form::Read, None, vec![string(&guards), Value::Int(-2)]);
        assert!(matches!(answer, Answer::Found(Found::Absent)), "{answer:?}");
        let answer = read(Form::Read, None, vec![string(&guards), Value::Int(5)]);
        assert!(matches!(answer, Answer::Found(Found::Guarded(None))), "{answer:?}");
    }

    #[test]
    fn missing_replies_are_a_failure() {
        assert!(Form::Read.read(None, None, &mut vec![Value::Nil].into_iter()).is_err());
    }
}
