//! What the tags of a value say of it.
//!
//! A tag is a key of its own that holds a random version: the id of the fill that made it. A load notes the
//! versions before it begins, and its value is stored with them. It may be served while each of them is still
//! the current one. To invalidate a tag is to remove its version; the next one is another.
//!
//! So a lost version costs loads and nothing else, whatever was loaded under it is gone with it, and no step
//! spans two keys. A version is not a counter, which would come back to a number that it had, nor a time.
//!
//! What the load has found can be named by a tag too, which is known only after it. What all such tags begin with
//! is known before, and has a version as well, the *epoch*. It is removed before each of its tags is; a load notes
//! it before it begins, and once more after it has noted the tags: if it is another one, a tag may have been noted
//! that is newer than the load.

use super::token::Token;

/// What a lookup of a tag has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    /// Its version. Beside one writer alone it is carried on, as nobody was told otherwise yet.
    Version(Token),
    /// Somebody else is making one.
    Busy,
    /// There is none to be had: writers are at work, or the store takes none.
    None,
}

/// What the tags say of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be served.
    Current,
    /// It may never be served again.
    Outdated,
    /// It may not be served now, and nothing be stored under these tags; someone else is about to know more.
    Busy,
    /// It may not be served now, and nothing be stored under these tags.
    Unknown,
}

/// Judges a value by the versions that it is stored with and those that were found since the call began.
pub(crate) fn judge(pairs: impl Iterator<Item = (Token, Found)>) -> Standing {
    let mut standing = Standing::Current;
    for (stored, found) in pairs {
        standing = match (found, standing) {
            (Found::Version(current), _) if current != stored => return Standing::Outdated,
            (Found::Version(_), standing) => standing,
            (Found::None, _) | (_, Standing::Unknown) => Standing::Unknown,
            (Found::Busy, _) => Standing::Busy,
        };
    }
    standing
}
