//! Keys: text that differs wherever the arguments differ.
//!
//! A key is literal text with the arguments in its holes. Three rules make it injective:
//!
//! 1. What a scalar writes never holds a [separator](SEPARATORS): text is percent-encoded.
//! 2. Between two holes of a template stands a separator (the attributes refuse any other).
//! 3. What a composite writes is bracketed: `[a,b]` for lists and tuples, `<none>` for `None`.

mod buf;
mod forms;
mod handle;
mod hash;
mod image;
#[cfg(test)]
mod injectivity;
mod matching;
mod namespace;
mod parts;
mod template;

use std::fmt;

pub use buf::{KeyBuf, ListWriter};
pub use forms::{List, Maybe, Of};
pub use handle::{Handle, HandleFor};
pub(crate) use hash::is_written_alike;
pub use image::Image;
pub(crate) use image::Words;
pub(crate) use namespace::{ERA_KEY, Namespace};
pub use template::{Piece, Template};

/// What is percent-encoded in text, beside `%` itself, controls and white space, and so separates holes.
pub const SEPARATORS: &str = ":,/|<>{}*?[]\\";

/// Whether a character separates holes: no text holds it as it is.
pub(crate) fn separates(character: char) -> bool {
    SEPARATORS.contains(character) || character.is_control() || character.is_whitespace()
}

/// A value that can stand in a hole of a key.
///
/// Two values that differ must write differently, and equal ones equally: not what `Debug` or
/// `Display` happen to print, but what makes the result of the function different. Integers, `bool`,
/// `char`, text, IP addresses, `Option`, lists, tuples and pointers to them are ones; floats and maps
/// are not, as equal ones do not always write equally.
///
/// To implement it for a type of your own, write its parts, and let the type be its own form:
///
/// ```
/// use cachemacro_runtime::key::{KeyArg, KeyBuf, KeyPart};
///
/// struct UserId(u64);
///
/// impl KeyPart for UserId {
///     type Form = Self;
///     fn write(&self, key: &mut KeyBuf) {
///         self.0.write(key);
///     }
/// }
/// impl KeyArg<UserId> for UserId {}
///
/// let mut key = KeyBuf::new();
/// UserId(42).write(&mut key);
/// assert_eq!(key.as_str(), "42");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "not a `KeyPart`",
    note = "integers, `bool`, `char`, text, IP addresses, and `Option`, lists and tuples of them can; floats and maps cannot",
    note = "use a field of it (like `<user.id>`), add `#[derive(cachemacro::KeyPart)]` to it, compute a text of it (`with(text: String = …)`), or name it in `skip(…)` if it cannot change the result"
)]
pub trait KeyPart {
    /// What [`KeyArg`] compares: the same for types that stand for the same keys, such as `String` and `&str`.
    type Form: ?Sized;

    /// Writes the value at the end of the key.
    fn write(&self, key: &mut KeyBuf);

    /// Adds the value to an image, as it tells what it writes. Only the parts of this crate can.
    #[doc(hidden)]
    #[inline]
    fn image(&self, image: &mut Image) {
        image.spoil();
    }
}

/// A value that `<filter:hash>` can stand for in a key: any that serializes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be hashed into a key, as it does not serialize",
    label = "not `Serialize`",
    note = "add `#[derive(serde::Serialize)]` to it, use a field of it (like `<user.id>`), or name it in `skip(…)` if it cannot change the result"
)]
pub trait KeyHash: serde::Serialize {}

#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + ?Sized> KeyHash for T {}

/// An argument of a companion's methods: anything that writes keys of the form `F`.
///
/// `get_user::key(id)` takes `42`, `id`, `&id` and `user.id` where `id: u64`, and `"a"`, `&name` and
/// `String` where `name: &str`; it does not take an `i32` where the function takes a `u64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this key is made of: it takes `{F}`",
    label = "expected `{F}`"
)]
pub trait KeyArg<F: ?Sized>: KeyPart {}

/// A finished key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<str>);

impl Key {
    /// A key as it stands, not escaped.
    pub fn new(key: impl Into<Box<str>>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key as stores take it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<KeyBuf> for Key {
    fn from(key: KeyBuf) -> Self {
        Self(key.as_str().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
