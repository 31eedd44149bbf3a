//! What takes more than one command to do atomically, in Lua: leases here, [guards](super::guards) beside.
//!
//! A string is told by its head, the first 17 bytes. `pcall` makes a table of the error that a key
//! of another type gives, which equals no head: such a key is never touched.
//!
//! None of these writes anything but `FILL`, so the others work on a server that is full: without
//! a shebang line Redis judges each command of a script by itself, and UNLINK and PEXPIRE are
//! allowed there (checked on 7.0.15; the same rule is in the source of 6.2).

use std::sync::LazyLock;

use redis::{Pipeline, Value};
use tokio::time::Instant;

use super::failure::Failure;
use super::lane::Lane;

/// Stores a value where the expected head still stands. ARGV: that head, the head of the value, ttl
/// and payload as bytes, the ttl in ms.
pub(super) static FILL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["if redis.pcall('GETRANGE', KEYS[1], 0, 16) ~= ARGV[1] then return 0 end
local now = redis.call('TIME')
local filled_at = struct.pack('>I8', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('SET', KEYS[1], ARGV[2] .. filled_at .. ARGV[3] .. ARGV[4], 'PX', ARGV[5])
return 1"])
});

/// Sets the time left of a lease or a value that still stands. ARGV: its head, the ttl in ms.
pub(super) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["if redis.pcall('GETRANGE', KEYS[1], 0, 16) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])"])
});

/// Deletes a lease, or a value, that still stands. ARGV: its head.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["if redis.pcall('GETRANGE', KEYS[1], 0, 16) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])"])
});

/// Deletes a value whose fill is not named as it should be. ARGV: the first 8 bytes of such names.
pub(super) static RECLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["local head = redis.pcall('GETRANGE', KEYS[1], 0, 32)
if type(head) ~= 'string' or #head < 33 or head:sub(1, 1) ~= 'V' or head:sub(18, 19) ~= '\\0\\0' then return 0 end
if head:sub(2, 9) == ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])"])
});

/// The channel on which is told what was invalidated, for those whom Redis tells of nothing; see
/// [`tracking`](super::tracking). A message is a key; an empty one stands for all keys.
pub(super) const CHANNEL: &str = "cachemacro:changes";

/// Tells of the key. Whoever may not publish invalidates all the same.
pub(super) const TELL: &str = "redis.pcall('PUBLISH', 'cachemacro:changes', KEYS[1])\n";

/// A script and the name that Redis gives it.
pub(super) struct Script {
    text: String,
    sha: String,
}

/// One key that a script is called for, with its arguments.
pub(super) struct Call<'a> {
    pub(super) key: &'a [u8],
    pub(super) args: &'a [&'a [u8]],
}

impl Script {
    /// A script of these parts.
    pub(super) fn new(parts: &[&str]) -> Self {
        Self::of(parts.concat())
    }

    /// The same, of one that invalidates or that guards: what is kept near is dropped, whether the key is there or not.
    pub(super) fn telling(parts: &[&str]) -> Self {
        Self::of([TELL, &parts.concat()].concat())
    }

    fn of(text: String) -> Self {
        let sha = sha1_smol::Sha1::from(&text).digest().to_string();
        Self { text, sha }
    }

    /// Calls the script for each key in one round trip, and in a second one where the server does not know it.
    pub(super) async fn run(
        &self,
        lane: &Lane,
        calls: &[Call<'_>],
        deadline: Instant,
    ) -> Result<Vec<Result<u64, Failure>>, Failure> {
        let write = |at: usize, pipeline: &mut Pipeline| {
            pipeline.arg(1).arg(calls[at].key).arg(calls[at].args);
        };
        let replies = self.ask(lane, calls.len(), write, deadline).await?;
        Ok(replies.into_iter().map(count_of).collect())
    }

    /// Calls the script so often, with the number of keys, the keys and the arguments that `write` adds to each call.
    pub(super) async fn ask(
        &self,
        lane: &Lane,
        calls: usize,
        write: impl Fn(usize, &mut Pipeline),
        deadline: Instant,
    ) -> Result<Vec<Value>, Failure> {
        let pipeline = |command: &str, script: &str, calls: &[usize]| {
            let mut pipeline = redis::pipe();
            for at in calls {
                pipeline.cmd(command).arg(script);
                write(*at, &mut pipeline);
            }
            pipeline
        };
        let all: Vec<usize> = (0..calls).collect();
        let mut replies = lane.call(&pipeline("EVALSHA", &self.sha, &all), deadline).await?;
        let unknown: Vec<usize> = (0..calls).filter(|&at| is_unknown(replies.get(at))).collect();
        if !unknown.is_empty() {
            let again = lane.call(&pipeline("EVAL", &self.text, &unknown), deadline).await?;
            for (at, reply) in unknown.into_iter().zip(again) {
                replies[at] = reply;
            }
        }
        Ok(replies)
    }
}

fn is_unknown(reply: Option<&Value>) -> bool {
    matches!(reply, Some(Value::ServerError(error)) if error.code() == "NOSCRIPT")
}

pub(super) fn count_of(reply: Value) -> Result<u64, Failure> {
    match reply {
        Value::Int(count) => Ok(count.max(0).unsigned_abs()),
        Value::ServerError(error) => Err(Failure::from(&error)),
        _ => Err(Failure::ODD_REPLY),
    }
}
