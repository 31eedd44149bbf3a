//! Replies as they stand in what a connection has read: how far they reach, and what they say.

use bytes::{Buf, Bytes};
use redis::Value;

use super::failure::Failure;

/// The longest string, in bytes: twice what Redis lets through as it is set up by default.
const STRING_LEN_MAX: usize = 1 << 30;
/// The most that one array holds.
const ARRAY_LEN_MAX: usize = 1 << 24;
/// The longest line: those of Redis are errors and numbers.
const LINE_LEN_MAX: usize = 64 << 10;

/// Measures replies while they come in.
pub(super) struct Measure {
    /// How many bytes are known to be whole.
    len: usize,
    /// How many values are still to come.
    left: usize,
}

impl Measure {
    /// Nothing is known yet of so many replies.
    pub(super) fn of(replies: usize) -> Self {
        Self { len: 0, left: replies }
    }

    /// The bytes of all that is whole.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Goes on in bytes of which more may be there than before; says whether all is in.
    pub(super) fn goes_on(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        while self.left > 0 {
            let Some((head, head_len)) = Head::read(&bytes[self.len..])? else { return Ok(false) };
            match head {
                Head::Line | Head::Nil => {}
                Head::String(len) if bytes.len() - self.len < head_len + len + 2 => return Ok(false),
                Head::String(len) => self.len += len + 2,
                Head::Array(len) => self.left += len,
            }
            self.len += head_len;
            self.left -= 1;
        }
        Ok(true)
    }
}

/// How a value begins.
enum Head {
    /// All of it is in its line.
    Line,
    Nil,
    /// So many bytes follow, and the end of a line.
    String(usize),
    /// So many values follow.
    Array(usize),
}

impl Head {
    /// The head, and its length with the end of its line; none, if that is not in.
    fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            return if bytes.len() > LINE_LEN_MAX { Err(Failure::NO_PROTOCOL) } else { Ok(None) };
        };
        let [kind, line @ .., b'\r'] = &bytes[..end] else { return Err(Failure::NO_PROTOCOL) };
        let head = match (kind, line) {
            (b'+' | b'-' | b':', _) => Self::Line,
            (b'$' | b'*', b"-1") => Self::Nil,
            (b'$', digits) => Self::String(number(digits, STRING_LEN_MAX)?),
            (b'*', digits) => Self::Array(number(digits, ARRAY_LEN_MAX)?),
            _ => return Err(Failure::NO_PROTOCOL),
        };
        Ok(Some((head, end + 1)))
    }
}

/// A number of digits alone, up to a bound.
fn number(digits: &[u8], max: usize) -> Result<usize, Failure> {
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() || number > max {
            return Err(Failure::NO_PROTOCOL);
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    if digits.is_empty() || number > max { Err(Failure::NO_PROTOCOL) } else { Ok(number) }
}

/// What each of these replies says, errors of the server as they are.
pub(super) fn values(mut replies: Bytes, count: usize) -> Result<Vec<Value>, Failure> {
    (0..count).map(|_| value(&next(&mut replies)?)).collect()
}

/// Cuts the first of these replies off.
pub(super) fn next(replies: &mut Bytes) -> Result<Bytes, Failure> {
    let mut measure = Measure::of(1);
    if measure.goes_on(replies)? { Ok(replies.split_to(measure.len())) } else { Err(Failure::ODD_REPLY) }
}

/// What a reply says, an error of the server as it is.
pub(super) fn value(reply: &[u8]) -> Result<Value, Failure> {
    redis::parse_redis_value(reply).map_err(|_| Failure::ODD_REPLY)
}

/// The strings of an array of so many, each of them there or not. They are not copied.
pub(super) fn strings(
    mut reply: Bytes,
    count: usize,
) -> Result<impl Iterator<Item = Result<Option<Bytes>, Failure>>, Failure> {
    match Head::read(&reply)? {
        Some((Head::Array(len), head_len)) if len == count => reply.advance(head_len),
        _ => {
            return Err(match value(&reply)? {
                Value::ServerError(error) => Failure::from(&error),
                _ => Failure::ODD_REPLY,
            });
        }
    }
    Ok((0..count).map(move |_| string(&mut reply)))
}

/// Cuts the first string off; there may be none in its place.
fn string(reply: &mut Bytes) -> Result<Option<Bytes>, Failure> {
    match Head::read(reply)? {
        Some((Head::String(len), head_len)) if reply.len() >= head_len + len + 2 => {
            let string = reply.slice(head_len..head_len + len);
            reply.advance(head_len + len + 2);
            Ok(Some(string))
        }
        Some((Head::Nil, head_len)) => {
            reply.advance(head_len);
            Ok(None)
        }
        _ => Err(Failure::ODD_REPLY),
    }
}
