//! What the keys of one cache begin with, in a store that it shares with others.

use std::fmt;

/// The key of the name of its [era](crate::protocol::era), without the namespace.
pub(crate) const ERA_KEY: &[u8] = b"cachemacro:era";

/// The name of a namespace: `app`, whose keys are `app:user:42`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace(Box<str>);

impl Namespace {
    /// A namespace by its name: letters and digits of any language, `-`, `_`, `.` and `@`. So no namespace begins
    /// with another, no pattern matches more than one, and the `{…}` of a key stays what Redis hashes.
    ///
    /// # Errors
    ///
    /// What the name must be.
    pub(crate) fn new(name: &str) -> Result<Self, &'static str> {
        if name.is_empty() {
            return Err("a namespace has a name; write `.namespace(\"app\")`");
        }
        if name == "cachemacro" {
            return Err("the namespace `cachemacro` is that of the library's own keys; write another name");
        }
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if !name.chars().all(is_plain) {
            return Err(
                "the name of a namespace is of letters, digits, `-`, `_`, `.` and `@` alone, like `app-eu`",
            );
        }
        Ok(Self(format!("{name}:").into()))
    }

    /// What its keys begin with, the colon included.
    pub(crate) fn prefix(&self) -> &str {
        &self.0
    }

    /// A key as it stands in the store.
    pub(crate) fn outer(&self, key: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), key].concat()
    }

    /// A key of the store as the cache knows it, if it is one of this namespace.
    pub(crate) fn inner<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        key.strip_prefix(self.0.as_bytes())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end_matches(':'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_so_that_no_namespace_reaches_into_another() {
        for name in ["app", "app-eu", "app.2", "é_1", "me@here"] {
            assert_eq!(Namespace::new(name).map(|it| it.prefix().to_owned()), Ok(format!("{name}:")));
        }
        for name in ["", "a:b", "a*", "{a}", "a b", "a%", "cachemacro", "a\\", "[a]", "a/b"] {
            assert!(Namespace::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_key_goes_in_and_comes_out() {
        let app = Namespace::new("app").expect("a name");
        assert_eq!(app.outer(b"{user:1}:tasks"), b"app:{user:1}:tasks");
        assert_eq!(app.inner(b"app:user:1"), Some(&b"user:1"[..]));
        assert_eq!(app.inner(b"apple:user:1"), None);
    }
}
