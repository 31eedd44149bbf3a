//! What the bytes under a key say.

use std::time::Duration;

use bytes::{Buf, Bytes};

use crate::protocol::slot;
use crate::store::{Entry, Lease, Permit, Token};

/// One letter and a token.
pub(super) const HEAD_LEN: usize = 17;
/// Where the time of the fill of a value begins.
const FILLED_AT: usize = HEAD_LEN;
/// Where its ttl begins.
const TTL_AT: usize = FILLED_AT + 8;
/// Where the payload of a value begins.
const PAYLOAD_AT: usize = TTL_AT + 8;

/// A hundred years: Redis adds the time now to a ttl, and refuses what overflows.
const TTL_MS_MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// The most guards of one key.
pub(super) const GUARDS_MAX: usize = slot::GUARDS_MAX;
/// The longest string of a value that guards carry. `READ` takes in all of it, and all guards.
pub(super) const CARRIED_LEN_MAX: usize = PAYLOAD_AT + slot::CARRIED_BYTES_MAX as usize;

/// How a string of guards begins.
const GUARDS_MARK: &[u8] = b"G\x01";
/// Where the number of guards is, then the end of the carried value, then the guards.
const COUNT_AT: usize = 3;
const CARRIED_UNTIL_AT: usize = 5;
const GUARDS_AT: usize = 13;
/// A token and a time.
const GUARD_LEN: usize = 24;

/// What a Redis key holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Nothing,
    Lease(Token),
    Value(Entry),
    Guarded(Guards),
    /// A string that cachemacro did not write.
    Foreign,
    /// No string.
    OtherKind,
}

/// What a reader needs to know of the guards of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guards {
    carried: Option<Carried>,
}

/// A value, and when it and the one guard that carries it end. Times are Redis's, in ms.
#[derive(Debug, PartialEq, Eq)]
struct Carried {
    guard_until_ms: u64,
    until_ms: u64,
    entry: Entry,
}

impl Guards {
    /// The carried value, as far as a reader can tell who does not know Redis's time. The next guard that is
    /// begun, renewed or ended drops one that is past its own.
    pub(super) fn carried(self) -> Option<Entry> {
        self.carried.map(|carried| carried.entry)
    }

    /// The carried value with the time it has left, for a reader who knows how long the key lives. It
    /// lives as long as its guard, which tells Redis's time now, to within a millisecond.
    pub(super) fn carried_by(self, key_left: Duration) -> Option<Entry> {
        let Carried { guard_until_ms, until_ms, entry } = self.carried?;
        let key_left_ms = u64::try_from(key_left.as_millis()).unwrap_or(u64::MAX);
        let now_ms = guard_until_ms.saturating_sub(key_left_ms);
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms)).min(entry.ttl);
        (!left.is_zero()).then_some(Entry { ttl_left: Some(left), ..entry })
    }
}

/// Reads the string under a key, at this time of Redis's if that is known; the payload is not copied.
pub(super) fn decode(bytes: impl Into<Bytes>, now_ms: Option<u64>) -> Stored {
    let bytes = bytes.into();
    match (bytes.first(), bytes.len()) {
        (Some(b'L'), HEAD_LEN) => Stored::Lease(token_of(&bytes)),
        (Some(b'G'), _) => guards_of(bytes, now_ms).map_or(Stored::Foreign, Stored::Guarded),
        _ => entry_of(bytes, now_ms).map_or(Stored::Foreign, Stored::Value),
    }
}

/// Reads a value.
fn entry_of(mut bytes: Bytes, now_ms: Option<u64>) -> Option<Entry> {
    if bytes.first() != Some(&b'V') || bytes.len() < PAYLOAD_AT {
        return None;
    }
    let filled_at_ms = number_of(&bytes[FILLED_AT..TTL_AT]);
    let (fill_id, ttl_ms) = (token_of(&bytes), number_of(&bytes[TTL_AT..PAYLOAD_AT]));
    // In place: a slice of it would be a second owner, which takes an allocation.
    bytes.advance(PAYLOAD_AT);
    Some(Entry {
        fill_id,
        ttl: Duration::from_millis(ttl_ms),
        ttl_left: None,
        filled_at: Some(Duration::from_millis(filled_at_ms)),
        age: now_ms.map(|now_ms| Duration::from_millis(now_ms.saturating_sub(filled_at_ms))),
        payload: bytes,
    })
}

/// Reads guards. Only one alone carries anything, and that is none if it is not a value.
fn guards_of(bytes: Bytes, now_ms: Option<u64>) -> Option<Guards> {
    if !bytes.starts_with(GUARDS_MARK) || bytes.len() < GUARDS_AT {
        return None;
    }
    let count = usize::try_from(number_of(&bytes[COUNT_AT..CARRIED_UNTIL_AT])).ok()?;
    let carried_at = GUARDS_AT + count * GUARD_LEN;
    let first = bytes.get(GUARDS_AT..carried_at)?.get(..GUARD_LEN)?;
    if count > 1 {
        return Some(Guards { carried: None });
    }
    let guard_until_ms = number_of(&first[16..]);
    let until_ms = number_of(&bytes[CARRIED_UNTIL_AT..GUARDS_AT]);
    let entry = entry_of(bytes.slice(carried_at..), now_ms);
    Some(Guards { carried: entry.map(|entry| Carried { guard_until_ms, until_ms, entry }) })
}

/// A number of at most 8 bytes.
fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The whole string of a lease.
pub(super) fn lease(token: Token) -> [u8; HEAD_LEN] {
    head(b'L', token)
}

/// How a string must begin for the permit to stand.
pub(super) fn permit(permit: Permit) -> [u8; HEAD_LEN] {
    match permit {
        Permit::Lease(token) => head(b'L', token),
        Permit::Replace(fill_id) => head(b'V', fill_id),
    }
}

/// How the string of a value begins; its time of filling, ttl and payload follow.
pub(super) fn value_head(fill_id: Token) -> [u8; HEAD_LEN] {
    head(b'V', fill_id)
}

/// A ttl as Redis takes it: whole milliseconds, at least one.
pub(super) fn ttl_ms(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, TTL_MS_MAX)
}

/// A lease's ttl as Redis takes it.
pub(super) fn lease_ms(lease: Lease) -> u64 {
    ttl_ms(lease.ttl)
}

fn head(letter: u8, token: Token) -> [u8; HEAD_LEN] {
    let mut head = [letter; HEAD_LEN];
    head[1..].copy_from_slice(token.as_bytes());
    head
}

fn token_of(bytes: &[u8]) -> Token {
    let mut token = [0; 16];
    token.copy_from_slice(&bytes[1..HEAD_LEN]);
    Token::from(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(token: Token, ttl_ms: u64, payload: &[u8]) -> Vec<u8> {
        [&value_head(token)[..], &[0; 8], &ttl_ms.to_be_bytes(), payload].concat()
    }

    #[test]
    fn what_was_written_is_read() {
        let token = Token::random();
        assert_eq!(decode(lease(token).to_vec(), None), Stored::Lease(token));
        let Stored::Value(entry) = decode(value(token, 61_000, b"payload"), None) else { panic!("no value") };
        assert_eq!(entry.fill_id, token);
        assert_eq!(entry.ttl, Duration::from_secs(61));
        assert_eq!(entry.age, None, "nothing tells the time");
        assert_eq!(&entry.payload[..], b"payload");
        assert!(
            matches!(decode(value(token, 1, b""), None), Stored::Value(entry) if entry.payload.is_empty())
        );
    }

    #[test]
    fn the_time_tells_how_old_a_value_is_and_never_less_than_nothing() {
        let mut bytes = value(Token::random(), 61_000, b"");
        bytes[FILLED_AT..TTL_AT].copy_from_slice(&5_000_u64.to_be_bytes());
        for (now_ms, age_ms) in [(5_000, 0), (65_000, 60_000), (4_000, 0)] {
            let Stored::Value(entry) = decode(bytes.clone(), Some(now_ms)) else { panic!("no value") };
            assert_eq!(entry.age, Some(Duration::from_millis(age_ms)));
        }
    }

    #[test]
    fn what_others_wrote_is_foreign() {
        let token = Token::random();
        let mut cut = value(token, 1, b"");
        cut.pop();
        let mut long = lease(token).to_vec();
        long.push(0);
        for foreign in
            [cut, long, Vec::new(), b"L".to_vec(), b"Goodbye".to_vec(), vec![b'X'; 64], vec![b'G'; 64]]
        {
            assert_eq!(decode(foreign, None), Stored::Foreign);
        }
    }

    /// Guards that end at 9 s, and a value that ends at 7 s.
    fn guarded_by(count: u16, fill_id: Token) -> Vec<u8> {
        let guard = || [&Token::random().as_bytes()[..], &9_000_u64.to_be_bytes()].concat();
        let head = [GUARDS_MARK, &[0], &count.to_be_bytes(), &7_000_u64.to_be_bytes()].concat();
        let guards = (0..count).flat_map(|_| guard());
        head.into_iter().chain(guards).chain(value(fill_id, 61_000, b"payload")).collect()
    }

    fn guarded(fill_id: Token) -> Vec<u8> {
        guarded_by(1, fill_id)
    }

    fn guards_in(bytes: Vec<u8>) -> Guards {
        match decode(bytes, None) {
            Stored::Guarded(guards) => guards,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_guards_carry_is_read() {
        let fill_id = Token::random();
        let entry = guards_in(guarded(fill_id)).carried().expect("it is carried");
        assert_eq!((entry.fill_id, &entry.payload[..]), (fill_id, &b"payload"[..]));
        assert_eq!((entry.ttl, entry.ttl_left), (Duration::from_secs(61), None));
        assert_eq!(guards_in(guarded_by(2, fill_id)).carried(), None, "two guards carry nothing");
        assert_eq!(decode(guarded_by(0, fill_id), None), Stored::Foreign, "there is always a guard");
    }

    #[test]
    fn the_time_that_a_key_has_left_tells_what_a_carried_value_has() {
        let left = |key_left_ms| {
            let entry = guards_in(guarded(Token::random())).carried_by(Duration::from_millis(key_left_ms));
            entry.map(|entry| entry.ttl_left.expect("it is told"))
        };
        assert_eq!(left(5_000), Some(Duration::from_secs(3)), "at 4 s");
        assert_eq!(left(2_001), Some(Duration::from_millis(1)), "at 6.999 s");
        assert_eq!(left(2_000), None, "at 7 s, when the value ends");
    }

    #[test]
    fn guards_that_are_cut_short_are_foreign_or_carry_nothing() {
        let whole = guarded(Token::random());
        let carried_at = GUARDS_AT + GUARD_LEN;
        for len in 0..whole.len() {
            match decode(whole[..len].to_vec(), None) {
                Stored::Foreign => assert!(len < carried_at, "{len}"),
                Stored::Guarded(guards) => {
                    assert!(len >= carried_at, "{len}");
                    assert_eq!(guards.carried.is_some(), len >= carried_at + PAYLOAD_AT, "{len}");
                }
                other => panic!("{len}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_byte_out_of_place_makes_the_reader_panic() {
        let whole = guarded(Token::random());
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut odd = whole.clone();
                odd[at] = byte;
                if let Stored::Guarded(guards) = decode(odd, None) {
                    let _ = guards.carried_by(Duration::from_millis(u64::from(byte)));
                }
            }
        }
        for _ in 0..20_000 {
            let mut noise = vec![0; rand::random_range(0..200)];
            rand::fill(&mut noise[..]);
            for mark in [&b""[..], GUARDS_MARK, b"V", b"L"] {
                decode([mark, &noise].concat(), None);
            }
        }
    }

    #[test]
    fn a_ttl_is_neither_zero_nor_beyond_what_redis_takes() {
        assert_eq!(ttl_ms(Duration::ZERO), 1);
        assert_eq!(ttl_ms(Duration::from_micros(2_900)), 2);
        assert_eq!(ttl_ms(Duration::MAX), TTL_MS_MAX);
    }
}
