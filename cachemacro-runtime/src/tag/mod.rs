//! Tags: names for values that are invalidated together.
//!
//! A tag is a key of its own, whose value is empty and whose fill id is its version; what that says of a value is
//! decided in `protocol::tags`.

mod header;

use std::fmt;

use crate::chance;
use crate::key::{Key, KeyBuf};
use crate::mutants::{self, Mutant};
use crate::protocol::tags::{Found, Standing, judge};
use crate::protocol::token::Token;

pub(crate) use header::{headed, split};

/// What the keys of all tags begin with.
pub(crate) const PREFIX: &str = "cachemacro:tag:";

/// How long a version lives: what is stored under it for longer is lost with it, which costs a load.
pub(crate) const TTL: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// A name for values that are invalidated together: `team:7`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Key);

impl Tag {
    /// A tag by its name.
    pub fn new(name: &str) -> Self {
        let mut key = KeyBuf::new();
        key.push_raw(PREFIX);
        key.push_text(name);
        Self(key.into())
    }

    /// The key that its version is under.
    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The tag that has its version under this key, if one has.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        let key = std::str::from_utf8(key).ok()?;
        key.starts_with(PREFIX).then(|| Self(Key::new(key)))
    }
}

impl From<&str> for Tag {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<&Tag> for Tag {
    fn from(tag: &Tag) -> Self {
        tag.clone()
    }
}

impl From<KeyBuf> for Tag {
    fn from(name: KeyBuf) -> Self {
        Self::new(name.as_str())
    }
}

impl fmt::Display for Tag {
    /// Its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.as_str().strip_prefix(PREFIX).unwrap_or_default().as_bytes();
        let mut name = Vec::with_capacity(escaped.len());
        let mut at = 0;
        while at < escaped.len() {
            let hex = escaped.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
            match hex.filter(|_| escaped[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    name.push(byte);
                    at += 3;
                }
                None => {
                    name.push(escaped[at]);
                    at += 1;
                }
            }
        }
        f.write_str(&String::from_utf8_lossy(&name))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The name of a version that is to be made.
pub(crate) fn new_version() -> Token {
    match mutants::is(Mutant::TagCounterThatResets) {
        true => Token::from([0; 16]),
        false => Token::from(chance::random::<[u8; 16]>()),
    }
}

/// A tag, and the version of it that a load has begun under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) tag: Tag,
    pub(crate) version: Token,
}

/// The versions of these tags, if there is one of each; otherwise why nothing can be stored under them now.
pub(crate) fn notes(tags: &[Tag], found: &[Found]) -> Result<Vec<Note>, Standing> {
    let note = |(tag, found): (&Tag, &Found)| match found {
        Found::Version(version) => Ok(Note { tag: tag.clone(), version: *version }),
        Found::Busy => Err(Standing::Busy),
        Found::None => Err(Standing::Unknown),
    };
    tags.iter().zip(found).map(note).collect()
}

/// What the tags of a call say of a value that is stored with these versions. One that is stored under other tags is
/// not one for this call.
pub(crate) fn standing(stored: &[Note], tags: &[Tag], found: &[Found]) -> Standing {
    if !stored.iter().map(|note| &note.tag).eq(tags) {
        return Standing::Outdated;
    }
    judge(stored.iter().map(|note| note.version).zip(found.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_a_key_that_no_other_has_and_is_known_by_it() {
        let names = ["team:7", "team%3A7", "a%", "", "é:\0 ", "team", "[a]", "<b>"];
        let tags: Vec<Tag> = names.iter().copied().map(Tag::new).collect();
        for (tag, name) in tags.iter().zip(names) {
            assert_eq!(tag.to_string(), name);
            assert_eq!(Tag::of_key(tag.as_bytes()).as_ref(), Some(tag));
            assert_eq!(tags.iter().filter(|other| *other == tag).count(), 1);
        }
        assert_eq!(Tag::of_key(b"user:1"), None);
    }

    #[test]
    fn what_is_stored_under_other_tags_is_outdated() {
        let version = Token::from([7; 16]);
        let [a, b] = ["a", "b"].map(Tag::new);
        let stored = [Note { tag: a.clone(), version }];
        let found = [Found::Version(version)];
        assert_eq!(standing(&stored, std::slice::from_ref(&a), &found), Standing::Current);
        assert_eq!(standing(&stored, std::slice::from_ref(&b), &found), Standing::Outdated);
        assert_eq!(standing(&stored, &[a, b], &[found[0]; 2]), Standing::Outdated);
        assert_eq!(standing(&[], &[], &[]), Standing::Current);
    }
}
