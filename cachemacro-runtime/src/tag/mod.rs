//! Tags: names for values that are invalidated together.
//!
//! A tag is a key of its own, whose value is empty and whose fill id is its version; what that says of a value is
//! decided in `protocol::tags`.
//!
//! What stands before the first separator of a tag, with it, is its kind: `owner:` of `owner:7`. Tags over the value
//! have their epoch by kind, and every invalidation of a tag is one of its epoch too, as another program may have
//! such tags where this one has none.

mod header;
mod noted;

use std::fmt;

use crate::chance;
use crate::key::{Key, KeyBuf, separates};
use crate::mutants::{self, Mutant};
use crate::protocol::token::Token;

pub(crate) use header::{headed, split};
pub use noted::Before;
pub(crate) use noted::{Note, Noted, notes, standing};

/// What the keys of all tags begin with.
pub(crate) const PREFIX: &str = "cachemacro:tag:";

/// What the keys of all epochs begin with: no tag is written so, as its separators are escaped.
pub(crate) const EPOCHS: &str = "cachemacro:tag::";

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

    /// What stands for all tags of its kind; none if it has no kind.
    pub(crate) fn epoch(&self) -> Option<Self> {
        Self::epoch_of(&self.to_string())
    }

    /// The epoch of the tags that begin so; none if that is no kind.
    pub(crate) fn epoch_of(name: &str) -> Option<Self> {
        let (at, separator) = name.char_indices().find(|(_, character)| separates(*character))?;
        if at == 0 {
            return None;
        }
        let mut key = KeyBuf::new();
        key.push_raw(EPOCHS);
        key.push_text(&name[..at + separator.len_utf8()]);
        Some(Self(key.into()))
    }

    /// Whether it is the epoch of others.
    pub(crate) fn is_epoch(&self) -> bool {
        self.0.as_str().starts_with(EPOCHS)
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

/// The epochs that are invalidated before these keys are, and guarded with them; none of what is no tag.
pub(crate) fn epochs<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<Tag> {
    let mut epochs: Vec<Tag> =
        keys.into_iter().filter_map(|key| Tag::of_key(key).filter(|tag| !tag.is_epoch())?.epoch()).collect();
    epochs.sort_unstable();
    epochs.dedup();
    epochs
}

/// The name of a version that is to be made.
pub(crate) fn new_version() -> Token {
    match mutants::is(Mutant::TagCounterThatResets) {
        true => Token::from([0; 16]),
        false => Token::from(chance::random::<[u8; 16]>()),
    }
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
    fn tags_of_a_kind_have_one_epoch_that_is_no_tag() {
        let epoch = |name: &str| Tag::new(name).epoch();
        assert_eq!(epoch("owner:7"), Tag::epoch_of("owner:"));
        assert_eq!(epoch("owner:7"), epoch("owner:8:open"));
        assert_ne!(epoch("owner:7"), epoch("owner/7"));
        assert_ne!(epoch("owner:7"), epoch("team:7"));
        for none in ["", "owner", ":owner", "|path|1:7"] {
            assert_eq!(epoch(none), None, "{none}");
        }
        let owner = epoch("owner:7").expect("it has a kind");
        assert!(owner.is_epoch() && owner.epoch().is_none() && !Tag::new(":owner:").is_epoch());
        assert_eq!(Tag::of_key(owner.as_bytes()), Some(owner));
    }
}
