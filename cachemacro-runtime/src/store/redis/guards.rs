//! Guards, in Lua. What each step does is said in [`protocol::slot`](crate::protocol::slot); a
//! differential test holds these scripts to it.
//!
//! Each of them reads the guards of its key, drops what is past its time by Redis's own clock, takes
//! its step, and either keeps what is left or removes the key, which lives as long as its last guard.
//!
//! A server that is full lets them work, as it judges only the first write of a script that has no
//! shebang line: that is always an UNLINK or a refusable SET that an UNLINK follows (checked on
//! 7.0.15; the same rule is in the source of 6.2). Guards cost it 24 bytes each.

use std::sync::LazyLock;

use super::failure::Failure;
use super::scripts::{Call, Script};
use super::{RedisStore, layout};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{CROWDED, Lease, Put, PutVerdict, Token, Verdict};
use crate::task::join_all;

/// What `BEGIN` answers where it guards nothing.
const OTHER_KIND: u64 = 2;
const FULL: u64 = 3;

/// Reads the guards. Past it, `guards` has those that stand, as pairs of token and end.
const READ: &str = r"
local key, time = KEYS[1], redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local guards, overlapped, carried, carried_until = {}, 0, '', 0

local there = redis.pcall('GETRANGE', key, 0, 131071)
local is_string = type(there) == 'string'
if is_string and #there >= 37 and there:sub(1, 2) == 'G\1' then
  local flags, count, till = struct.unpack('>BI2I8', there, 3)
  local carried_at = 14 + 24 * count
  if #there >= carried_at - 1 then
    overlapped, carried, carried_until = flags, there:sub(carried_at), till
    for at = 14, carried_at - 1, 24 do
      local token, ends = struct.unpack('>c16I8', there, at)
      if ends > now then guards[#guards + 1] = {token, ends} end
    end
    if carried_until <= now then carried = '' end
  end
end

local function place_of(token)
  for place, guard in ipairs(guards) do
    if guard[1] == token then return place end
  end
end
";

/// Writes the guards, or removes the key if there are none.
const KEEP: &str = r"
local function keep()
  redis.call('UNLINK', key)
  if #guards == 0 then return end
  local parts, last = {}, 0
  for place, guard in ipairs(guards) do
    parts[place] = struct.pack('>c16I8', guard[1], guard[2])
    last = math.max(last, guard[2])
  end
  if carried == '' then carried_until = 0 end
  local head = struct.pack('>BI2I8', overlapped, #guards, carried_until)
  redis.call('SET', key, 'G\1' .. head .. table.concat(parts) .. carried, 'PX', last - now)
end
";

/// Drops what is carried, or whatever is there if nothing guards it; answers what an invalidation counts.
const DROP: &str = r"
local function drop()
  if not is_string then return 0 end
  if #guards == 0 then return redis.call('UNLINK', key) end
  local count = carried == '' and 0 or 1
  overlapped, carried = 1, ''
  keep()
  return count
end
";

/// Takes our guard away; says whether it was there.
const LEAVE: &str = r"
local function leave(place)
  if not place then
    drop()
    return 0
  end
  table.remove(guards, place)
  keep()
  return 1
end
";

/// Adds a guard. ARGV: its token, its ttl in ms, the most guards, the longest string that is carried.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::telling(&[
        READ,
        KEEP,
        r"
if not is_string then return 2 end
local place = place_of(ARGV[1])
if not place then
  if #guards >= tonumber(ARGV[3]) then return 3 end
  if #guards > 0 then
    overlapped, carried = 1, ''
  else
    local left = redis.call('PTTL', key)
    overlapped, carried = 0, ''
    if there:sub(1, 1) == 'V' and #there >= 33 and #there <= tonumber(ARGV[4]) and left > 0 then
      carried, carried_until = there, now + left
    end
  end
  place = #guards + 1
end
guards[place] = {ARGV[1], now + ARGV[2]}
keep()
return 1",
    ])
});

/// Sets the time left of a guard. ARGV: its token, its ttl in ms.
static RENEW_GUARD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&[
        READ,
        KEEP,
        r"
local place = place_of(ARGV[1])
if not place then return 0 end
guards[place][2] = now + ARGV[2]
keep()
return 1",
    ])
});

/// Ends a guard. ARGV: its token.
static END: LazyLock<Script> =
    LazyLock::new(|| Script::telling(&[READ, KEEP, DROP, LEAVE, "return leave(place_of(ARGV[1]))"]));

/// Ends a guard, and stores a value if nothing came between. ARGV: its token, the head of the value,
/// ttl and payload as bytes, the ttl in ms.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::telling(&[
        READ,
        KEEP,
        DROP,
        LEAVE,
        r"
local place = place_of(ARGV[1])
if place and #guards == 1 and overlapped == 0 then
  local value = ARGV[2] .. struct.pack('>I8', now) .. ARGV[3] .. ARGV[4]
  local set = redis.pcall('SET', key, value, 'PX', ARGV[5])
  if set.ok then return 1 end
end
leave(place)
return 0",
    ])
});

/// Removes any string but guards, and from those what they carry.
pub(super) static INVALIDATE: LazyLock<Script> = LazyLock::new(|| {
    Script::telling(&[
        // Most keys are not guarded, and their values need not be read.
        r"
local mark = redis.pcall('GETRANGE', KEYS[1], 0, 1)
if type(mark) ~= 'string' then return 0 end
if mark ~= 'G\1' then return redis.call('UNLINK', KEYS[1]) end",
        READ,
        KEEP,
        DROP,
        "return drop()",
    ])
});

/// The same, where it is not known that cachemacro wrote the string: text has no zeros where a value says
/// when it was filled.
pub(super) static SWEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::telling(&[
        r"
local mark = redis.pcall('GETRANGE', KEYS[1], 0, 32)
if type(mark) ~= 'string' then return 0 end
local first = mark:sub(1, 1)
local is_lease = first == 'L' and redis.call('STRLEN', KEYS[1]) == 17
local is_value = first == 'V' and #mark == 33 and mark:sub(18, 19) == '\0\0'
if is_lease or is_value then return redis.call('UNLINK', KEYS[1]) end
if mark:sub(1, 2) ~= 'G\1' then return 0 end",
        READ,
        KEEP,
        DROP,
        "return drop()",
    ])
});

impl RedisStore {
    pub(super) async fn begin(&self, keys: &[&[u8]], guard: Lease) -> Result<()> {
        const OPERATION: &str = "redis begin guards";
        let args: [&[u8]; 4] = [
            guard.token.as_bytes(),
            &digits(layout::lease_ms(guard)),
            &digits(layout::GUARDS_MAX as u64),
            &digits(layout::CARRIED_LEN_MAX as u64),
        ];
        let answers = self.for_each(&BEGIN, keys, &args).await;
        for (at, answer) in answers.map_err(|failure| failure.of_keys(OPERATION, keys))? {
            let detail = match answer {
                OTHER_KIND => "data of another kind is under this key; choose another key template",
                FULL => CROWDED,
                _ => continue,
            };
            return Err(Error::new(ErrorKind::Rejected, OPERATION, detail).with_key(keys[at]));
        }
        Ok(())
    }

    pub(super) async fn renew_all(&self, keys: &[&[u8]], guard: Lease) -> Result<Verdict> {
        let args: [&[u8]; 2] = [guard.token.as_bytes(), &digits(layout::lease_ms(guard))];
        let answers = self.for_each(&RENEW_GUARD, keys, &args).await;
        let answers = answers.map_err(|failure| failure.of_keys("redis renew guards", keys))?;
        Ok(answers.iter().all(|(_, answer)| *answer == 1).into())
    }

    pub(super) async fn end_all(&self, keys: &[&[u8]], token: Token) -> Result<Verdict> {
        let answers = self.for_each(&END, keys, &[token.as_bytes()]).await;
        let answers = answers.map_err(|failure| failure.of_keys("redis end guards", keys))?;
        Ok(answers.iter().all(|(_, answer)| *answer == 1).into())
    }

    pub(super) async fn end_with(&self, put: Put<'_>) -> Result<PutVerdict> {
        let failed = |failure: Failure| failure.on("redis put", put.key);
        if put.payload.len() > self.capabilities.value_bytes_max {
            self.decide(&END, put.key, &[put.guard.as_bytes()]).await.map(drop).map_err(failed)?;
            return Ok(PutVerdict::NotWritten);
        }
        let ttl_ms = layout::ttl_ms(put.ttl);
        let args: [&[u8]; 5] = [
            put.guard.as_bytes(),
            &layout::value_head(put.fill_id),
            &ttl_ms.to_be_bytes(),
            &put.payload,
            &digits(ttl_ms),
        ];
        let verdict = self.decide(&PUT, put.key, &args).await.map_err(failed)?;
        Ok((verdict == Verdict::Accepted).into())
    }

    /// Runs a script for many keys, in one round trip for each lane; its answers are beside their places.
    ///
    /// Every lane is heard before the first failure is: what can be done is.
    pub(super) async fn for_each(
        &self,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Vec<(usize, u64)>, Failure> {
        let deadline = self.open()?;
        let runs = self.by_lane(keys.iter().copied()).into_iter().map(|(lane, places)| async move {
            let calls: Vec<_> = places.iter().map(|&at| Call { key: keys[at], args }).collect();
            let answers = script.run(lane, &calls, deadline).await?;
            places.into_iter().zip(answers).map(|(at, answer)| answer.map(|answer| (at, answer))).collect()
        });
        let answers: Result<Vec<Vec<_>>, Failure> = join_all(runs).await.into_iter().collect();
        Ok(answers?.into_iter().flatten().collect())
    }
}

fn digits(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}
