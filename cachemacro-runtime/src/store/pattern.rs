//! Which keys: a pattern in Redis's own glob syntax, so that every store lists the same ones.

use std::fmt;

/// A pattern of keys: `*` is any text, `?` any byte, `[a-z]` one of a set, `[^a]` none of one,
/// and `\` takes the next byte as it is.
///
/// It is matched on bytes, case-sensitive, as Redis's `SCAN … MATCH` does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// A pattern in glob syntax.
    pub fn new(glob: impl Into<Box<str>>) -> Self {
        Self(glob.into())
    }

    /// The keys that begin with `prefix`, whatever characters it has.
    pub fn prefix(prefix: &str) -> Self {
        let mut glob = String::with_capacity(prefix.len() + 1);
        push_literal(&mut glob, prefix);
        glob.push('*');
        Self(glob.into())
    }

    /// The pattern in glob syntax.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `key` matches.
    pub fn matches(&self, key: &[u8]) -> bool {
        matches(self.0.as_bytes(), key)
    }
}

impl From<&str> for Pattern {
    fn from(glob: &str) -> Self {
        Self::new(glob)
    }
}

impl From<String> for Pattern {
    fn from(glob: String) -> Self {
        Self::new(glob)
    }
}

impl From<&Pattern> for Pattern {
    fn from(pattern: &Pattern) -> Self {
        pattern.clone()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes text that stands for itself.
pub(crate) fn push_literal(glob: &mut String, text: &str) {
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            glob.push('\\');
        }
        glob.push(character);
    }
}

/// Walks both once; a `*` that turns out to have taken too little takes one byte more.
///
/// Time is at most the product of the lengths, with no recursion.
fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < key.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at + 1, pos));
            at += 1;
            continue;
        }
        match step(&pattern[at..], key[pos]) {
            Some(width) => {
                at += width;
                pos += 1;
            }
            None => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    (at, pos) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How many bytes of the pattern take this byte of the key; `None` if they do not.
fn step(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', set @ ..] => {
            let (width, found) = set_contains(set, byte);
            found.then_some(1 + width)
        }
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// The width of a set, its closing bracket included, and whether it has the byte. An open set ends with the pattern.
fn set_contains(set: &[u8], byte: u8) -> (usize, bool) {
    let negated = set.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &set[at..] {
            [] => return (at, found != negated),
            [b']', ..] => return (at + 1, found != negated),
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                at += 2;
            }
            [first, b'-', last, ..] => {
                let (low, high) = (first.min(last), first.max(last));
                found |= (*low..=*high).contains(&byte);
                at += 3;
            }
            [one, ..] => {
                found |= *one == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_what_redis_would_match() {
        for (glob, key, expected) in [
            ("user:*", "user:42", true),
            ("user:*", "users:42", false),
            ("*:42", "user:42", true),
            ("u*r:*2", "user:4242", true),
            ("u*r:*2", "user:424", false),
            ("user:?", "user:4", true),
            ("user:?", "user:42", false),
            ("user:[0-9]", "user:4", true),
            ("user:[^0-9]", "user:4", false),
            ("user:[ab]", "user:b", true),
            (r"user:\*", "user:*", true),
            (r"user:\*", "user:4", false),
            (r"user:[\]]", "user:]", true),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(glob).matches(key.as_bytes()), expected, "{glob} on {key}");
        }
    }

    #[test]
    fn a_prefix_is_literal() {
        let prefix = Pattern::prefix("a*[b]?\\");
        assert!(prefix.matches(b"a*[b]?\\and more"));
        assert!(!prefix.matches(b"aXbY\\and more"));
    }
}
