//! What worlds with tags are like, and who tells and notes what in them.

use super::{EPOCH, Kind, Note, TAG, TAGS};
use crate::protocol::search::token;
use crate::protocol::tags::Found;
use crate::protocol::token::Token;

/// What a world is like.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    /// Whether the tag is over the value.
    pub(super) over_value: bool,
    pub(super) reads: usize,
    /// Whether the last read may join the flight of another.
    pub(super) joins: bool,
    pub(super) writers: usize,
    pub(super) evictions: u8,
    pub(super) wrong: Wrong,
}

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    No,
    /// The versions of the tags are noted after the load.
    TagReadAfterLoad,
    /// One current version of two is enough.
    OneTagIsEnough,
    /// Versions are numbers that are counted up, and begin again where one was lost.
    CounterThatResets,
    /// A version is made where guards stand.
    VersionOverGuard,
    /// A writer without a guard crashes between its commit and its invalidation.
    UnguardedCrash,
    /// A fill that was accepted proves its value fresh to those who came during the load.
    SharedUnchecked,
    /// What is outdated is replaced whatever is there by then.
    ReplacedUnasked,
    /// The tag is invalidated first, and then its epoch.
    TagBeforeEpoch,
    /// The epoch is not noted again.
    EpochNotedOnce,
    /// The epoch is noted again before the tag is.
    EpochBeforeTag,
    /// The tag is guarded, and its epoch is not.
    EpochUnguarded,
}

/// What a writer tells, in order, of the tags.
pub(super) fn told_by(writer: usize, setting: Setting) -> &'static [usize] {
    match (setting.over_value, setting.wrong) {
        (true, Wrong::TagBeforeEpoch) => &[TAG, EPOCH],
        (true, _) => &[EPOCH, TAG],
        (false, _) => [&[0][..], &[1]][writer],
    }
}

/// The ways in which a writer may begin.
pub(super) fn kinds(writer: usize, setting: Setting) -> [Kind; 2] {
    match (writer, setting.over_value) {
        (0, _) | (_, true) => [Kind::Guarded, Kind::Plain],
        (_, false) => [Kind::OfKey, Kind::Plain],
    }
}

pub(super) fn guarded_by(writer: usize, setting: Setting) -> &'static [usize] {
    match setting.wrong {
        Wrong::EpochUnguarded => &[TAG],
        _ => told_by(writer, setting),
    }
}

/// The tags that are noted before a load.
pub(super) fn tags_before(setting: Setting) -> &'static [usize] {
    match (setting.over_value, setting.wrong) {
        (true, _) => &[EPOCH],
        (false, _) => &[0, 1],
    }
}

/// Those that are noted after it, one after the other.
pub(super) fn tags_after(setting: Setting) -> &'static [usize] {
    match (setting.over_value, setting.wrong) {
        (true, Wrong::EpochNotedOnce) => &[TAG],
        (true, Wrong::EpochBeforeTag) => &[EPOCH, TAG],
        (true, _) => &[TAG, EPOCH],
        (false, Wrong::TagReadAfterLoad) => &[0, 1],
        (false, _) => &[],
    }
}

/// The versions to be stored with a value, if it may be.
pub(super) fn fillable(
    setting: Setting,
    before: [Token; TAGS],
    after: [Note; TAGS],
) -> Option<[Token; TAGS]> {
    let version = |tag: usize| match after[tag] {
        Note::Told(Found::Version(version)) => Some(version),
        _ => None,
    };
    match (setting.over_value, setting.wrong) {
        (true, Wrong::EpochNotedOnce) => version(TAG).map(|tag| [tag; TAGS]),
        (true, _) => {
            let (tag, epoch) = (version(TAG)?, version(EPOCH)?);
            (epoch == before[EPOCH]).then_some([tag; TAGS])
        }
        (false, Wrong::TagReadAfterLoad) => Some([version(0)?, version(1)?]),
        (false, _) => Some(before),
    }
}

/// All that was found, once it was.
pub(super) fn told(notes: [Note; TAGS], tags: &[usize]) -> Option<[Found; TAGS]> {
    let found = |tag: usize| match notes[tag] {
        Note::Told(found) => Some(found),
        // What is not noted before a load says nothing of it.
        _ if !tags.contains(&tag) => Some(Found::Version(token(0))),
        _ => None,
    };
    Some([found(0)?, found(1)?])
}
