//! What is fed with any bytes: one function for each target of `fuzz/`, which panics on a mistake.
//!
//! An ordinary test run feeds each with random bytes and with mutated good ones.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::{AnyCodec, Anywhere, Reach};
use crate::form::{Encoding, Form, Format};
use crate::key::Piece::{self, Hole, Text};
use crate::key::{KeyBuf, KeyPart, Template, separates};
use crate::policy::Stamp;
use crate::shape::Cacheable;
use crate::tag;

/// A type that has most of what types have.
type Nested = BTreeMap<String, (Option<u64>, Vec<(i32, String)>, [u8; 4], Result<bool, char>)>;

/// What a header says of time: any will do.
const STAMP: Stamp = Stamp { fresh: Duration::from_secs(60), cost: Duration::ZERO };

/// Templates that could be taken for each other.
const TEMPLATES: [&[Piece]; 12] = [
    &[Text("user:"), Hole("a")],
    &[Text("user:"), Hole("a"), Text(":tasks")],
    &[Text("user:"), Hole("a"), Text(":"), Hole("b")],
    &[Text("user:admin")],
    &[Text("user:x-"), Hole("a")],
    &[Hole("a"), Text(":"), Hole("b")],
    &[Hole("a")],
    &[Hole("a"), Text("-x")],
    &[Text("user:["), Hole("a"), Text(","), Hole("b"), Text("]")],
    &[Text("{user:"), Hole("a"), Text("}:"), Hole("b")],
    &[Text("user:<"), Hole("a"), Text(">")],
    &[Text("user/"), Hole("a"), Text("-"), Text("/"), Hole("b")],
];

/// The header of a value: whatever follows a good one is decoded to a value that encodes to the same, or
/// refused, and a bad one is refused. Without a header the same is so of all bytes.
pub fn header(data: &[u8]) {
    fn each<V: Cacheable>(data: &[u8]) {
        for encoding in encodings() {
            let Ok(codec) = AnyCodec::of(Some(encoding)) else { return };
            let form = Form { version: 7, ..Form::default() };
            // As it is; and as the payload of a header that is right.
            let _ = <Anywhere as Reach<V>>::open(codec, form, data);
            let stored = if encoding.is_raw { data.to_vec() } else { codec.headed::<V>(7, data) };
            let Ok(value) = <Anywhere as Reach<V>>::open(codec, form, &stored) else { continue };
            let Ok(sealed) = <Anywhere as Reach<V>>::seal(codec, form, STAMP, &value) else { continue };
            let again =
                <Anywhere as Reach<V>>::open(codec, form, &sealed).expect("what was encoded is decoded");
            let twice = <Anywhere as Reach<V>>::seal(codec, form, STAMP, &again).expect("and encoded again");
            assert_eq!(sealed, twice, "{encoding:?}");
        }
    }
    let stored = Bytes::copy_from_slice(data);
    if let Some((notes, value)) = tag::split(&stored).filter(|(notes, _)| !notes.is_empty()) {
        assert_eq!(tag::headed(&notes, value), stored, "tags are written as they were read");
    }
    each::<Nested>(data);
    each::<Vec<String>>(data);
    each::<Option<Box<(u8, f64)>>>(data);
    each::<Vec<()>>(data);
    each::<(Option<u8>, Vec<Vec<u64>>)>(data);
}

/// All that values are written in.
fn encodings() -> Vec<Encoding> {
    let formats: &[Format] = &[
        #[cfg(feature = "bincode")]
        Format::Bincode,
        #[cfg(feature = "json")]
        Format::Json,
        #[cfg(feature = "msgpack")]
        Format::MessagePack,
        #[cfg(feature = "postcard")]
        Format::Postcard,
    ];
    let plain = formats.iter().copied().map(Encoding::plain);
    let compressed =
        formats.iter().map(|format| Encoding { compressed_above: Some(8), ..Encoding::plain(*format) });
    // What can be shared with other languages.
    let raw: &[Encoding] = &[
        #[cfg(feature = "json")]
        Encoding::raw(Format::Json),
        #[cfg(feature = "msgpack")]
        Encoding::raw(Format::MessagePack),
    ];
    plain.chain(compressed).chain(raw.iter().copied()).collect()
}

/// Templates: each key matches its own template, and two that make one key are said to meet.
pub fn template(data: &[u8]) {
    let [first, second, split, rest @ ..] = data else { return };
    let text = String::from_utf8_lossy(rest);
    let middle = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).nth(usize::from(*split));
    let (left, right) = text.split_at(middle.unwrap_or(0));
    let key = |template: Template, a: &dyn Fn(&mut KeyBuf), b: &dyn Fn(&mut KeyBuf)| {
        let mut key = KeyBuf::new();
        template.0.iter().for_each(|piece| match piece {
            Text(text) => key.push_raw(text),
            Hole("a") => a(&mut key),
            Hole(_) | Piece::Impl => b(&mut key),
        });
        key
    };
    let parts: [&dyn Fn(&mut KeyBuf); 5] = [
        &|key| left.write(key),
        &|key| right.write(key),
        &|key| Some(left).write(key),
        &|key| [left, right].write(key),
        &|key| None::<&str>.write(key),
    ];
    let of = |byte: u8| Template(TEMPLATES[usize::from(byte) % TEMPLATES.len()]);
    let (ours, theirs) = (of(*first), of(*second));
    for a in parts {
        for b in parts {
            let key_of_ours = key(ours, a, b);
            assert!(ours.matches(key_of_ours.as_bytes()), "{key_of_ours:?} is none of `{ours}`");
            for (c, d) in [(a, b), (b, a), (parts[0], parts[1]), (parts[1], parts[0])] {
                if key(theirs, c, d).as_bytes() == key_of_ours.as_bytes() {
                    assert!(ours.may_meet(theirs), "`{ours}` and `{theirs}` both make {key_of_ours:?}");
                }
            }
        }
    }
}

/// Text in a key: it holds no separator, and can be read back, so that no two texts are one.
pub fn escape(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut key = KeyBuf::new();
    key.push_text(&text);
    let written = key.as_str();
    assert!(!written.contains(separates), "{written:?}");
    assert_eq!(unescaped(written), text.as_bytes(), "{written:?}");
    // In a list with another, it can be told where the one ends.
    let (left, right) =
        text.split_at(text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at));
    let mut list = KeyBuf::new();
    [left, right].write(&mut list);
    let inside = list.as_str().strip_prefix('[').and_then(|list| list.strip_suffix(']')).expect("a list");
    let items: Vec<Vec<u8>> = inside.split(',').map(unescaped).collect();
    assert_eq!(items, [left.as_bytes(), right.as_bytes()]);
}

/// What was escaped; a bare `%` is an empty item.
fn unescaped(written: &str) -> Vec<u8> {
    if written == "%" {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut rest = written.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    bytes
}

/// The guards of a key in Redis: any bytes are guards, or something else, and never a panic.
pub fn guard_string(data: &[u8]) {
    #[cfg(feature = "redis")]
    {
        crate::store::redis::fuzzing::decode(data);
        let mut guards = b"G\x01".to_vec();
        guards.extend_from_slice(data);
        crate::store::redis::fuzzing::decode(&guards);
    }
    #[cfg(not(feature = "redis"))]
    let _ = data;
}

/// Any bytes of Redis, and under one of its keys: a value of each type, or none.
pub fn bytes_under_a_key(data: &[u8]) {
    #[cfg(feature = "redis")]
    {
        crate::store::redis::fuzzing::replies(data);
        let Ok(codec) = AnyCodec::of(None) else { return };
        if let Some(payload) = crate::store::redis::fuzzing::decode(data) {
            let _ = <Anywhere as Reach<Nested>>::open(codec, Form::default(), &payload);
            let _ = <Anywhere as Reach<Vec<String>>>::open(codec, Form::default(), &payload);
            let _ = <Anywhere as Reach<u64>>::open(codec, Form::default(), &payload);
        }
    }
    #[cfg(not(feature = "redis"))]
    let _ = data;
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// What an ordinary run feeds to each.
    const INPUTS: u64 = 500;

    /// Random bytes, and bytes that are likely to matter.
    fn feed(target: fn(&[u8]), likely: &[u8]) {
        let mut random = StdRng::seed_from_u64(0);
        for _ in 0..INPUTS {
            let len = random.random_range(0..80);
            let byte = |random: &mut StdRng| match random.random_bool(0.7) {
                true => likely[random.random_range(0..likely.len())],
                false => random.random(),
            };
            let data: Vec<u8> = (0..len).map(|_| byte(&mut random)).collect();
            target(&data);
        }
    }

    #[test]
    fn headers() {
        feed(header, &[0, 1, 2, 3, 251, 252, 253, b'a']);
    }

    #[test]
    fn templates() {
        feed(template, b":,/|<>{}*?[]\\%-xab\0\x01\x02\x03");
    }

    #[test]
    fn escapes() {
        feed(escape, b":,/|<>{}*?[]\\%3Aab \xc3\xa0\xe2\x80\x83");
    }

    #[test]
    fn guard_strings() {
        feed(guard_string, &[0, 1, 2, b'V', b'L', b'G', 255]);
    }

    #[test]
    fn stored_bytes() {
        feed(bytes_under_a_key, &[0, 1, b'V', b'L', b'G', 255]);
    }
}
