//! What stands before a value that has tags, in a store.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | `T`, which no value without tags begins with |
//! | 1..9 | the hash of all that follows, up to the value (XXH3, 64 bits, big endian) |
//! | 9 | how many tags there are |
//! | ‥ | for each of them, 16 bytes of version, the length of its key in 2 bytes (big endian), and the key |
//! | ‥ | the value, behind its own header |

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{Note, Tag};
use crate::protocol::token::Token;

const MARK: u8 = b'T';
const COUNT_AT: usize = 9;
const VERSION_LEN: usize = 16;

/// A value behind its tags, which are a few.
pub(crate) fn headed(notes: &[Note], value: Bytes) -> Bytes {
    let mut bytes = vec![MARK; COUNT_AT];
    bytes.push(u8::try_from(notes.len()).unwrap_or(u8::MAX));
    for Note { tag, version } in notes {
        let key = tag.as_bytes();
        bytes.extend_from_slice(version.as_bytes());
        bytes.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(key);
    }
    let check = xxh3_64(&bytes[COUNT_AT..]).to_be_bytes();
    bytes[1..COUNT_AT].copy_from_slice(&check);
    bytes.extend_from_slice(&value);
    bytes.into()
}

/// The tags of a value and the value, if it has any.
pub(crate) fn split(bytes: &Bytes) -> Option<(Vec<Note>, Bytes)> {
    if bytes.first() != Some(&MARK) {
        return None;
    }
    let count = *bytes.get(COUNT_AT)?;
    let mut at = COUNT_AT + 1;
    let mut notes = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let version: [u8; VERSION_LEN] = bytes.get(at..at + VERSION_LEN)?.try_into().ok()?;
        at += VERSION_LEN;
        let len: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
        at += 2;
        let tag = Tag::of_key(bytes.get(at..at + usize::from(u16::from_be_bytes(len)))?)?;
        at += tag.as_bytes().len();
        notes.push(Note { tag, version: Token::from(version) });
    }
    let check = xxh3_64(&bytes[COUNT_AT..at]).to_be_bytes();
    (bytes[1..COUNT_AT] == check).then(|| (notes, bytes.slice(at..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back_and_nothing_that_is_damaged_does() {
        let notes: Vec<Note> = ["team:7", ""]
            .map(|tag| Note { tag: Tag::new(tag), version: Token::from([tag.len() as u8; 16]) })
            .into();
        let bytes = headed(&notes, Bytes::from_static(b"value"));
        assert_eq!(split(&bytes), Some((notes, Bytes::from_static(b"value"))));
        let head_len = bytes.len() - 5;
        for bit in 0..head_len * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(split(&damaged.into()), None, "bit {bit}");
        }
        for cut in 0..head_len {
            assert_eq!(split(&bytes.slice(..cut)), None, "cut at {cut}");
        }
        let none = headed(&[], Bytes::from_static(b"value"));
        assert_eq!(split(&none), Some((Vec::new(), Bytes::from_static(b"value"))));
    }
}
