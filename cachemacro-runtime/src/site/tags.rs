//! What the tags of a function say of the values that it may read.

use super::{Site, SiteSpec};
use crate::key::{ERA_KEY, Piece, Template};
use crate::tag;

/// What the keys of tags are to the journal, which may have to find them all.
pub(crate) static TAGS: Site = Site::new(SiteSpec {
    name: "tags",
    path: "tags",
    template: Template(&[Piece::Text(tag::PREFIX), Piece::Hole("tag")]),
    ..SiteSpec::PLAIN
});

/// The same for their epochs.
pub(crate) static EPOCHS: Site = Site::new(SiteSpec {
    name: "epochs",
    path: "epochs",
    template: Template(&[Piece::Text(tag::EPOCHS), Piece::Hole("kind")]),
    ..SiteSpec::PLAIN
});

/// What the era of a namespace is to the journal: one key.
pub(crate) static ERA: Site = Site::new(SiteSpec {
    name: "era",
    path: "era",
    template: Template(&[Piece::Text(ERA_TEXT)]),
    ..SiteSpec::PLAIN
});

const ERA_TEXT: &str = match std::str::from_utf8(ERA_KEY) {
    Ok(text) => text,
    Err(_) => unreachable!(),
};

/// The version of values under these tags: without any, that of the attribute; otherwise never one that an
/// attribute can write. Bit 63 is left to tell one `Self` from another.
pub(super) const fn version(version: u32, tags: &[Template]) -> u64 {
    if tags.is_empty() {
        return version as u64;
    }
    let mut hash = bytes(BASIS, &version.to_be_bytes());
    let mut tag = 0;
    while tag < tags.len() {
        let pieces = tags[tag].0;
        let mut piece = 0;
        while piece < pieces.len() {
            hash = match pieces[piece] {
                Piece::Text(text) => bytes(bytes(hash, b"t"), text.as_bytes()),
                Piece::Hole(hole) => bytes(bytes(hash, b"<"), hole.as_bytes()),
                Piece::Impl => bytes(hash, b"i"),
            };
            // What no text holds, so that two pieces are not one.
            hash = bytes(hash, &[0xff]);
            piece += 1;
        }
        hash = bytes(hash, &[0xfe]);
        tag += 1;
    }
    hash & !(1 << 63) | 1 << 62
}

/// FNV-1a, 64 bits (RFC 9923), as a constant needs a hash that the compiler can run.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

const fn bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(PRIME);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};

    #[test]
    fn the_key_of_every_tag_is_one_of_tags() {
        for name in ["team:7", "", "[a", "a]<b>*"] {
            assert!(TAGS.template().matches(tag::Tag::new(name).as_bytes()), "{name}");
        }
        let epoch = tag::Tag::new("team:7").epoch().expect("it has a kind");
        assert!(EPOCHS.template().matches(epoch.as_bytes()) && !TAGS.template().matches(epoch.as_bytes()));
    }

    #[test]
    fn other_tags_are_another_version() {
        assert_eq!(version(2, &[]), 2);
        let team = Template(&[Text("team:"), Hole("team")]);
        let versions = [
            version(2, &[team]),
            version(3, &[team]),
            version(2, &[team, team]),
            version(2, &[Template(&[Text("team:"), Hole("id")])]),
            version(2, &[Template(&[Text("team:"), Text("team")])]),
            version(2, &[Template(&[Text("team:")]), Template(&[Hole("team")])]),
        ];
        for (at, version) in versions.iter().enumerate() {
            assert!(*version > u64::from(u32::MAX) && version >> 63 == 0);
            assert!(!versions[..at].contains(version), "{at}");
        }
        assert_eq!(bytes(BASIS, b"a"), 0xaf63_dc4c_8601_ec8c, "as the RFC has it");
    }
}
