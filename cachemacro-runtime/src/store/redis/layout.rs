//! What the bytes under a key say.

use std::time::Duration;

use bytes::Bytes;

use crate::store::{Entry, Lease, Permit, Token};

/// One letter and a token.
pub(super) const HEAD_LEN: usize = 17;
/// Where the ttl of a value begins, after the time of its fill.
const TTL_AT: usize = HEAD_LEN + 8;
/// Where the payload of a value begins.
const PAYLOAD_AT: usize = TTL_AT + 8;

/// A hundred years: Redis adds the time now to a ttl, and refuses what overflows.
const TTL_MS_MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// What a Redis string holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Lease(Token),
    Value(Entry),
    /// Writers hold the key; a later release of cachemacro writes these.
    Guard,
    Foreign,
}

/// Reads the bytes under a key; the payload is not copied.
pub(super) fn decode(bytes: Vec<u8>) -> Stored {
    match (bytes.first(), bytes.len()) {
        (Some(b'L'), HEAD_LEN) => Stored::Lease(token_of(&bytes)),
        (Some(b'V'), PAYLOAD_AT..) => {
            let ttl_ms = bytes[TTL_AT..PAYLOAD_AT].iter().fold(0, |ms, &byte| ms << 8 | u64::from(byte));
            Stored::Value(Entry {
                fill_id: token_of(&bytes),
                ttl: Duration::from_millis(ttl_ms),
                ttl_left: None,
                payload: Bytes::from(bytes).slice(PAYLOAD_AT..),
            })
        }
        (Some(b'G'), HEAD_LEN..) => Stored::Guard,
        _ => Stored::Foreign,
    }
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
        assert_eq!(decode(lease(token).to_vec()), Stored::Lease(token));
        let Stored::Value(entry) = decode(value(token, 61_000, b"payload")) else { panic!("no value") };
        assert_eq!(entry.fill_id, token);
        assert_eq!(entry.ttl, Duration::from_secs(61));
        assert_eq!(&entry.payload[..], b"payload");
        assert!(matches!(decode(value(token, 1, b"")), Stored::Value(entry) if entry.payload.is_empty()));
    }

    #[test]
    fn what_others_wrote_is_foreign() {
        let token = Token::random();
        let mut cut = value(token, 1, b"");
        cut.pop();
        let mut long = lease(token).to_vec();
        long.push(0);
        for foreign in [cut, long, Vec::new(), b"L".to_vec(), b"Goodbye".to_vec(), vec![b'X'; 64]] {
            assert_eq!(decode(foreign), Stored::Foreign);
        }
        assert_eq!(decode(vec![b'G'; HEAD_LEN]), Stored::Guard);
    }

    #[test]
    fn a_ttl_is_neither_zero_nor_beyond_what_redis_takes() {
        assert_eq!(ttl_ms(Duration::ZERO), 1);
        assert_eq!(ttl_ms(Duration::from_micros(2_900)), 2);
        assert_eq!(ttl_ms(Duration::MAX), TTL_MS_MAX);
    }
}
