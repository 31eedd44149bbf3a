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
    match Head::read(reply) {
        // What a hit is, and a miss: redis-rs makes a buffer of 8 KiB for each reply.
        Ok(Some((Head::String(len), head_len))) if reply.len() >= head_len + len + 2 => {
            Ok(Value::BulkString(reply[head_len..head_len + len].to_vec()))
        }
        Ok(Some((Head::Nil, _))) => Ok(Value::Nil),
        _ => redis::parse_redis_value(reply).map_err(|_| Failure::ODD_REPLY),
    }
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

#[cfg(test)]
mod tests {
    use rand::RngExt as _;

    use super::*;

    const REPLIES: [&[u8]; 9] = [
        b"+OK\r\n",
        b"-ERR no such thing\r\n",
        b":-42\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b"$12\r\nab\r\n$3\r\n*2\r\n\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*3\r\n*2\r\n:1\r\n$1\r\na\r\n$-1\r\n*1\r\n*0\r\n",
    ];

    #[test]
    fn replies_are_whole_at_their_last_byte_and_not_before() {
        let all = REPLIES.concat();
        let mut measure = Measure::of(REPLIES.len());
        for len in 0..all.len() {
            assert!(!measure.goes_on(&all[..len]).expect("the protocol"), "{len}");
        }
        let more = [&all, &b"+next\r\n"[..]].concat();
        assert!(measure.goes_on(&more).expect("the protocol"));
        assert_eq!(measure.len(), all.len());
    }

    #[test]
    fn each_reply_says_what_redis_rs_reads_in_it() {
        let expected: Vec<Value> =
            REPLIES.iter().map(|reply| redis::parse_redis_value(reply).expect("a reply")).collect();
        assert_eq!(values(Bytes::from(REPLIES.concat()), REPLIES.len()), Ok(expected));
        assert_eq!(values(Bytes::from_static(b"+OK\r\n"), 2), Err(Failure::ODD_REPLY));
        assert_eq!(value(b"$2\r\na\r\n"), Err(Failure::ODD_REPLY), "not whole");
    }

    #[test]
    fn the_strings_of_an_array_are_there_or_not() {
        let strings = |reply: &'static [u8], count| {
            strings(Bytes::from_static(reply), count).and_then(|strings| strings.collect())
        };
        let found = strings(b"*4\r\n$1\r\na\r\n$-1\r\n$0\r\n\r\n$4\r\n\r\n$1\r\n", 4);
        let expected = [Some(&b"a"[..]), None, Some(b""), Some(b"\r\n$1")];
        assert_eq!(found, Ok(expected.map(|string| string.map(Bytes::from_static)).to_vec()));
        assert_eq!(strings(b"*1\r\n$1\r\na\r\n", 2), Err(Failure::ODD_REPLY), "too few");
        assert_eq!(strings(b"*1\r\n:1\r\n", 1), Err(Failure::ODD_REPLY), "no string");
        assert_eq!(strings(b"$1\r\na\r\n", 1), Err(Failure::ODD_REPLY), "no array");
        assert_eq!(strings(b"*1\r\n$1\r\n", 1), Err(Failure::ODD_REPLY), "not whole");
        let refused = strings(b"-LOADING the data\r\n", 1).expect_err("an error");
        assert!(!refused.is_refusal(), "{refused:?}");
    }

    #[test]
    fn what_is_not_the_protocol_is_refused() {
        let long = [b'+'; LINE_LEN_MAX + 1];
        let odd: [&[u8]; 12] = [
            b"\r\n",
            b"+OK\n",
            b"HTTP/1.1 200 OK\r\n",
            b">1\r\n",
            b"$\r\n",
            b"$-2\r\n",
            b"$+1\r\n",
            b"$1073741825\r\n",
            b"$99999999999999999999999\r\n",
            b"*16777217\r\n",
            b"*1\r\n%1\r\n",
            &long,
        ];
        for bytes in odd {
            assert_eq!(Measure::of(1).goes_on(bytes), Err(Failure::NO_PROTOCOL), "{bytes:?}");
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let mut random = rand::rng();
        for _ in 0..100_000 {
            let len = random.random_range(0..40);
            let bytes: Vec<u8> = (0..len).map(|_| b"$*:-+10239\r\na"[random.random_range(0..13)]).collect();
            let _ = values(Bytes::from(bytes.clone()), 2);
            let _ = strings(Bytes::from(bytes), 1).map(Iterator::count);
        }
    }
}
