//! What is noted of tags before a load, and after it.

use super::Tag;
use crate::protocol::tags::{Found, Standing, judge};
use crate::protocol::token::Token;

/// What is to be noted before a load: the tags of its call, and the epochs of those that its value will name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before<'a> {
    /// The tags of the call.
    pub(crate) tags: &'a [Tag],
    /// The epochs of the tags of its value.
    pub(crate) epochs: &'a [Tag],
}

impl Before<'_> {
    /// Whether the value stands under no tag.
    pub(crate) fn is_empty(self) -> bool {
        self.tags.is_empty() && self.epochs.is_empty()
    }
}

/// The versions that a load has begun under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Those of the tags of the call.
    pub(crate) notes: Vec<Note>,
    /// Those of the epochs.
    pub(crate) epochs: Vec<Note>,
}

impl Noted {
    /// What a load without tags begins under.
    pub(crate) fn nothing() -> &'static Self {
        static NOTHING: Noted = Noted { notes: Vec::new(), epochs: Vec::new() };
        &NOTHING
    }

    /// Whether these tags, which are known only now, can be noted after the load.
    pub(crate) fn has_epochs_of(&self, tags: &[Tag]) -> bool {
        let noted = |epoch| self.epochs.iter().any(|note| note.tag == epoch);
        tags.iter().all(|tag| tag.epoch().is_some_and(noted))
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

/// What the tags of a call say of a value that is stored with these versions; and those that it has named itself, which
/// are still to be looked at. One that is stored under other tags is not one for this call.
pub(crate) fn standing<'a>(
    stored: &'a [Note],
    before: Before<'_>,
    found: &[Found],
) -> (Standing, &'a [Note]) {
    let Some((of_call, of_value)) = stored.split_at_checked(before.tags.len()) else {
        return (Standing::Outdated, &[]);
    };
    let is_other = !of_call.iter().map(|note| &note.tag).eq(before.tags);
    if is_other || (before.epochs.is_empty() && !of_value.is_empty()) {
        return (Standing::Outdated, &[]);
    }
    (judge(of_call.iter().map(|note| note.version).zip(found.iter().copied())), of_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_under_other_tags_is_outdated() {
        let version = Token::from([7; 16]);
        let [a, b, owner] = ["a", "b", "owner:7"].map(Tag::new);
        let epoch = [owner.epoch().expect("it has a kind")];
        let stored = [a.clone(), owner].map(|tag| Note { tag, version });
        let found = [Found::Version(version); 2];
        let of = |len: usize, tags: &[Tag], epochs: &[Tag]| {
            let (standing, of_value) = standing(&stored[..len], Before { tags, epochs }, &found);
            (standing, of_value.len())
        };
        assert_eq!(of(1, std::slice::from_ref(&a), &[]), (Standing::Current, 0));
        assert_eq!(of(1, std::slice::from_ref(&b), &[]), (Standing::Outdated, 0));
        assert_eq!(of(1, &[a.clone(), b], &[]), (Standing::Outdated, 0));
        assert_eq!(of(0, &[], &[]), (Standing::Current, 0));
        assert_eq!(of(2, std::slice::from_ref(&a), &epoch), (Standing::Current, 1));
        assert_eq!(of(2, &[a], &[]), (Standing::Outdated, 0));
    }

    #[test]
    fn a_tag_of_a_value_is_noted_where_its_epoch_was() {
        let owner = Tag::new("owner:7");
        let epochs = vec![Note { tag: owner.epoch().expect("it has a kind"), version: Token::from([7; 16]) }];
        let noted = Noted { notes: Vec::new(), epochs };
        assert!(noted.has_epochs_of(&[owner]));
        assert!(!noted.has_epochs_of(&[Tag::new("team:7")]) && !noted.has_epochs_of(&[Tag::new("all")]));
    }
}
