//! Fills and releases of many keys: one call of a script for up to [`AT_ONCE`] of them.
//!
//! What a script costs the server is mostly to be called: for 50 fills, one call takes half the time of 50, pipelined. To
//! ask for leases takes no script, and a script would be slower there.

use std::sync::LazyLock;

use redis::{Pipeline, Value};

use super::failure::Failure;
use super::scripts::{Script, count_of};
use super::{RedisStore, layout};
use crate::error::Result;
use crate::store::{Fill, Store, Token, Verdict};
use crate::task::join_all;

/// How many keys one call of a script is for: the server serves nobody else meanwhile, for about 0.1 ms.
const AT_ONCE: usize = 64;
/// How many bytes of values one call has, unless one value has more. The script reads what is there, which is about as
/// much at most.
const BYTES_AT_ONCE: usize = 256 << 10;

/// Stores values where the expected heads still stand. ARGV, for each key: that head, the head of the value, ttl and
/// payload as bytes, the ttl in ms. It answers for each key by itself.
static FILL_MANY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["local there = redis.pcall('MGET', unpack(KEYS))
if there.err then return there end
local now = redis.call('TIME')
local filled_at = struct.pack('>I8', now[1] * 1000 + math.floor(now[2] / 1000))
local answers, filled = {}, {}
for at, key in ipairs(KEYS) do
  local first = at * 5 - 4
  local head = there[at] and there[at]:sub(1, 17)
  if filled[key] then head = redis.pcall('GETRANGE', key, 0, 16) end
  if head ~= ARGV[first] then
    answers[at] = 0
  else
    local value = ARGV[first + 1] .. filled_at .. ARGV[first + 2] .. ARGV[first + 3]
    local set = redis.pcall('SET', key, value, 'PX', ARGV[first + 4])
    filled[key] = true
    answers[at] = set.ok and 1 or set
  end
end
return answers"])
});

/// Deletes the leases that still stand. ARGV: each of them.
static RELEASE_MANY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(&["local answers = {}
for at, key in ipairs(KEYS) do
  local is_held = redis.pcall('GETRANGE', key, 0, 16) == ARGV[at]
  answers[at] = is_held and redis.pcall('UNLINK', key) or 0
end
return answers"])
});

impl RedisStore {
    pub(super) async fn store_many(&self, fills: Vec<Fill<'_>>) -> Vec<Result<Verdict>> {
        if let [fill] = &fills[..] {
            return vec![self.fill(fill.clone()).await];
        }
        let heads = |fill: &Fill<'_>| {
            let ttl_ms = layout::ttl_ms(fill.ttl);
            (layout::permit(fill.permit), layout::value_head(fill.fill_id), ttl_ms.to_be_bytes(), ttl_ms)
        };
        let heads: Vec<_> = fills.iter().map(heads).collect();
        let write = |at: usize, pipeline: &mut Pipeline| {
            let (permit, head, ttl, ttl_ms) = &heads[at];
            pipeline.arg(&permit[..]).arg(&head[..]).arg(&ttl[..]).arg(&fills[at].payload[..]).arg(*ttl_ms);
        };
        let mut verdicts: Vec<Result<Verdict>> =
            fills.iter().map(|fill| self.fits(fill).map(|()| Verdict::Refused)).collect();
        let keys: Vec<(&[u8], usize)> = fills.iter().map(|fill| (fill.key, fill.payload.len())).collect();
        let asked: Vec<usize> = (0..fills.len()).filter(|&at| verdicts[at].is_ok()).collect();
        for (at, verdict) in self.decide_many(&FILL_MANY, &keys, asked, write).await {
            verdicts[at] = verdict.map_err(|failure| failure.on("redis fill", fills[at].key));
        }
        verdicts
    }

    pub(super) async fn give_up_many(&self, leases: &[(&[u8], Token)]) -> Vec<Result<Verdict>> {
        let write = |at: usize, pipeline: &mut Pipeline| {
            pipeline.arg(&layout::lease(leases[at].1)[..]);
        };
        let keys: Vec<(&[u8], usize)> = leases.iter().map(|(key, _)| (*key, 0)).collect();
        let decided = self.decide_many(&RELEASE_MANY, &keys, (0..leases.len()).collect(), write);
        let mut verdicts: Vec<Result<Verdict>> = leases.iter().map(|_| Ok(Verdict::Refused)).collect();
        for (at, verdict) in decided.await {
            verdicts[at] = verdict.map_err(|failure| failure.on("redis release", leases[at].0));
        }
        verdicts
    }

    /// Runs a script for those of the keys that `asked` names, each of which has so many bytes beside it; its answers are
    /// yes or no. `write` adds the arguments of one key.
    async fn decide_many(
        &self,
        script: &Script,
        keys: &[(&[u8], usize)],
        asked: Vec<usize>,
        write: impl Fn(usize, &mut Pipeline),
    ) -> Vec<(usize, Result<Verdict, Failure>)> {
        let deadline = match self.open() {
            Ok(deadline) => deadline,
            Err(failure) => return asked.into_iter().map(|at| (at, Err(failure))).collect(),
        };
        let write = &write;
        let runs = self.by_lane(asked.iter().map(|&at| keys[at].0)).into_iter().map(|(lane, places)| {
            let places: Vec<usize> = places.into_iter().map(|place| asked[place]).collect();
            async move {
                let chunks = chunks(&places, |at| keys[at].1);
                let write_call = |call: usize, pipeline: &mut Pipeline| {
                    let chunk = chunks[call];
                    pipeline.arg(chunk.len());
                    chunk.iter().for_each(|&at| {
                        pipeline.arg(keys[at].0);
                    });
                    chunk.iter().for_each(|&at| write(at, pipeline));
                };
                match script.ask(lane, chunks.len(), write_call, deadline).await {
                    Ok(replies) => {
                        let verdicts = chunks.iter().zip(replies).flat_map(|(chunk, reply)| {
                            chunk.iter().copied().zip(verdicts_of(reply, chunk.len()))
                        });
                        verdicts.collect::<Vec<_>>()
                    }
                    Err(failure) => places.into_iter().map(|at| (at, Err(failure))).collect(),
                }
            }
        });
        join_all(runs).await.into_iter().flatten().collect()
    }
}

/// The places in chunks of [`AT_ONCE`] and [`BYTES_AT_ONCE`] at most.
fn chunks(places: &[usize], bytes: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let mut chunks = Vec::new();
    let (mut first, mut sum) = (0, 0);
    for (at, place) in places.iter().enumerate() {
        let more = bytes(*place);
        if at > first && (at - first == AT_ONCE || sum + more > BYTES_AT_ONCE) {
            chunks.push(&places[first..at]);
            (first, sum) = (at, 0);
        }
        sum += more;
    }
    if first < places.len() {
        chunks.push(&places[first..]);
    }
    chunks
}

/// What a call of a script says of each of so many keys.
fn verdicts_of(reply: Value, keys: usize) -> Vec<Result<Verdict, Failure>> {
    match reply {
        Value::Array(answers) if answers.len() == keys => answers
            .into_iter()
            .map(|answer| count_of(answer).map(|count| Verdict::from(count == 1)))
            .collect(),
        Value::ServerError(error) => vec![Err(Failure::from(&error)); keys],
        _ => vec![Err(Failure::ODD_REPLY); keys],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_for_few_keys_and_few_bytes_and_for_one_value_whatever_it_is() {
        let places: Vec<usize> = (0..130).collect();
        let lens = |bytes: fn(usize) -> usize| -> Vec<usize> {
            chunks(&places, bytes).into_iter().map(<[usize]>::len).collect()
        };
        assert_eq!(lens(|_| 0), [64, 64, 2]);
        assert_eq!(lens(|at| if at == 1 { 1 << 20 } else { 0 }), [1, 1, 64, 64]);
        assert_eq!(lens(|_| 128 << 10), [2; 65]);
        assert_eq!(chunks(&[], |_| 0), [&[0_usize; 0]; 0]);
        assert_eq!(chunks(&places, |_| 9_000).concat(), places, "each once, in their order");
    }

    #[test]
    fn what_a_call_does_not_answer_for_each_key_is_a_failure_of_each() {
        for odd in [Value::Int(1), Value::Array(vec![Value::Int(1)])] {
            assert_eq!(verdicts_of(odd, 2), [Err(Failure::ODD_REPLY); 2]);
        }
        let answers = Value::Array(vec![Value::Int(1), Value::Nil]);
        assert_eq!(verdicts_of(answers, 2), [Ok(Verdict::Accepted), Err(Failure::ODD_REPLY)]);
    }
}
