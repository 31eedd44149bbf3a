//! The templates of annotated functions, and whether two of them could ever make an equal key.

use std::fmt;

use super::separates;

/// One piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands in the key.
    Text(&'static str),
    /// A hole, by what it was written as: `id`, `user.id`.
    Hole(&'static str),
    /// The `impl` that a method is in, which only the method itself can tell, and only when it runs.
    Impl,
}

/// What the keys of a function look like: `user:<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template(pub &'static [Piece]);

impl Template {
    /// Whether some arguments of the one function and some of the other could make one key.
    ///
    /// It may say yes where no types would allow it; it never says no where a key could be equal.
    pub fn may_meet(self, other: Self) -> bool {
        // What they write is never the same for two methods.
        if self.0.contains(&Piece::Impl) && other.0.contains(&Piece::Impl) {
            return false;
        }
        if self.has_brackets() || other.has_brackets() {
            // A composite in a hole could stand for a bracket of the text: only the ends are sure.
            return Ends::of(self).may_meet(&Ends::of(other));
        }
        // What a hole writes holds no separator (or is one whole bracketed composite, which no text
        // has then), so that equal keys have equal separators, and their segments meet one by one.
        let (ours, theirs) = (segments(self), segments(other));
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|((segment, separator), (other, other_separator))| {
                separator == other_separator && segment.may_meet(other)
            })
    }

    /// The text that all its keys begin with, if there is any.
    pub(crate) fn literal_start(self) -> Option<&'static str> {
        match self.0.first() {
            Some(Piece::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn has_brackets(self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(['[', ']', '<', '>'])))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Hole(hole) => write!(f, "<{hole}>"),
            Piece::Impl => f.write_str("<Self>"),
        })
    }
}

/// Text before a hole and after it; where there is no hole, all of it is `before`.
#[derive(Default)]
struct Ends {
    before: String,
    after: Option<String>,
}

impl Ends {
    /// The ends of a whole template: before its first hole, and after its last.
    fn of(template: Template) -> Self {
        template.0.iter().fold(Self::default(), |mut ends, piece| {
            match piece {
                Piece::Hole(_) | Piece::Impl => ends.after = Some(String::new()),
                Piece::Text(text) => ends.push_str(text),
            }
            ends
        })
    }

    fn push_str(&mut self, text: &str) {
        self.after.as_mut().unwrap_or(&mut self.before).push_str(text);
    }

    fn may_meet(&self, other: &Self) -> bool {
        match (&self.after, &other.after) {
            (None, None) => self.before == other.before,
            (Some(after), None) => fits(&other.before, &self.before, after),
            (None, Some(after)) => fits(&self.before, &other.before, after),
            (Some(ours), Some(theirs)) => {
                let (before, other_before) = (&self.before, &other.before);
                (before.starts_with(&**other_before) || other_before.starts_with(&**before))
                    && (ours.ends_with(&**theirs) || theirs.ends_with(&**ours))
            }
        }
    }
}

fn fits(text: &str, before: &str, after: &str) -> bool {
    text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
}

/// A template cut at its separators: each segment, and the separator that ends it.
fn segments(template: Template) -> Vec<(Ends, Option<char>)> {
    let mut segments = Vec::new();
    let mut current = Ends::default();
    for piece in template.0 {
        let Piece::Text(text) = piece else {
            current.after = Some(String::new());
            continue;
        };
        for character in text.chars() {
            if separates(character) {
                segments.push((std::mem::take(&mut current), Some(character)));
            } else {
                current.push_str(character.encode_utf8(&mut [0; 4]));
            }
        }
    }
    segments.push((current, None));
    segments
}

#[cfg(test)]
mod tests {
    use super::Piece::{Hole, Text};
    use super::*;

    fn meet(ours: &'static [Piece], theirs: &'static [Piece]) -> bool {
        let met = Template(ours).may_meet(Template(theirs));
        assert_eq!(met, Template(theirs).may_meet(Template(ours)), "it does not matter who asks");
        met
    }

    const USER: &[Piece] = &[Text("user:"), Hole("id")];

    #[test]
    fn templates_that_could_make_one_key_meet() {
        assert!(meet(USER, &[Text("user:"), Hole("name")]));
        assert!(meet(USER, &[Text("user:admin")]));
        assert!(meet(USER, &[Text("user:x-"), Hole("name")]));
        assert!(meet(&[Text("a-"), Hole("x")], &[Hole("y"), Text("-b")]));
        assert!(meet(USER, USER));
    }

    #[test]
    fn templates_that_differ_in_a_segment_do_not() {
        assert!(!meet(USER, &[Text("users:"), Hole("id")]));
        assert!(!meet(USER, &[Text("user:"), Hole("id"), Text(":tasks")]));
        assert!(!meet(USER, &[Text("user:"), Hole("team"), Text(":"), Hole("id")]));
        assert!(!meet(USER, &[Text("user/"), Hole("id")]));
        assert!(!meet(&[Text("a-"), Hole("x")], &[Text("b-"), Hole("x")]));
        assert!(!meet(&[Hole("x"), Text("-a")], &[Hole("x"), Text("-b")]));
        assert!(!meet(&[Text("ab"), Hole("x"), Text("ba")], &[Text("aba")]));
    }

    #[test]
    fn two_methods_do_not_meet_and_a_method_meets_what_could_be_its_key() {
        const METHOD: &[Piece] = &[Text("app|"), Piece::Impl, Text("|find:"), Hole("id")];
        assert!(!meet(METHOD, METHOD));
        assert!(meet(METHOD, &[Text("app|"), Hole("a"), Text("|find:"), Hole("b")]));
        assert!(!meet(METHOD, &[Text("app::find:"), Hole("a"), Text(":"), Hole("b")]));
    }

    #[test]
    fn brackets_in_text_are_judged_by_the_ends_alone() {
        assert!(meet(
            &[Text("k:"), Hole("list")],
            &[Text("k:["), Hole("a"), Text(","), Hole("b"), Text("]")]
        ));
        assert!(!meet(&[Text("j:"), Hole("list")], &[Text("k:["), Hole("a"), Text("]")]));
    }
}
