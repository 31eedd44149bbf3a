//! Whether a key is one that a template could make.

use super::separates;
use super::template::{Piece, Template};

impl Template {
    /// Whether some arguments could make this key. It says no to a key with a separator where a hole
    /// could write none: `user:42:session` is not one of `user:<id>`.
    pub(crate) fn matches(self, key: &[u8]) -> bool {
        std::str::from_utf8(key).is_ok_and(|key| matches(self.0, key))
    }

    /// What all of its keys begin with.
    pub(crate) fn prefix(self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Hole(_) | Piece::Impl => None,
        };
        self.0.iter().map_while(text).collect()
    }
}

/// Each hole is tried with every end that it could have, the shortest first. Holes are separated, so
/// that few of them have more than one.
fn matches(pieces: &[Piece], key: &str) -> bool {
    match pieces {
        [] => key.is_empty(),
        [Piece::Text(text), rest @ ..] => key.strip_prefix(text).is_some_and(|key| matches(rest, key)),
        [Piece::Hole(_) | Piece::Impl, rest @ ..] => ends(key).any(|end| matches(rest, &key[end..])),
    }
}

/// Where a hole at the beginning of the text could end: a scalar before any separator, a composite
/// where its bracket closes.
fn ends(key: &str) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0_usize;
    let mut is_over = false;
    let after = key.char_indices().map_while(move |(at, character)| {
        if is_over {
            return None;
        }
        match character {
            '[' | '<' if depth > 0 || at == 0 => depth += 1,
            ']' | '>' if depth > 0 => {
                depth -= 1;
                // What follows a composite is the template's.
                is_over = depth == 0;
            }
            _ if depth == 0 && separates(character) => return None,
            _ => {}
        }
        Some((at + character.len_utf8(), depth))
    });
    std::iter::once(0).chain(after.filter(|(_, depth)| *depth == 0).map(|(end, _)| end))
}

#[cfg(test)]
mod tests {
    use super::Piece::{Hole, Text};
    use super::*;

    const USER: Template = Template(&[Text("user:"), Hole("id")]);

    #[test]
    fn a_key_of_the_template_matches_and_a_longer_one_does_not() {
        for key in ["user:42", "user:", "user:a%3Ab", "user:[1,2]", "user:[[1,%],<none>]", "user:<<none>>"] {
            assert!(USER.matches(key.as_bytes()), "{key}");
        }
        for key in ["user:42:session", "user", "users:42", "user:[1]:x", "user:[1", "user:a b", "xuser:1"] {
            assert!(!USER.matches(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn a_hole_may_end_in_more_than_one_place() {
        let template = Template(&[Text("a-"), Hole("x"), Text("-b:"), Hole("y"), Text("!")]);
        assert!(template.matches(b"a-1-b-b:2!"));
        assert!(template.matches(b"a--b:!!"));
        assert!(!template.matches(b"a-1-b:2"));
    }

    #[test]
    fn the_prefix_ends_at_the_first_hole() {
        assert_eq!(USER.prefix(), "user:");
        assert_eq!(Template(&[Hole("a"), Text("b")]).prefix(), "");
    }
}
