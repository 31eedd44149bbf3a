//! Being told of what changes in a store, so that values can be kept in front of it.

use std::fmt;
use std::sync::Weak;
use std::time::Duration;

use super::StoreFuture;
use crate::error::{Error, Result};

/// What a store is to tell of, and to whom; see [`Store::watch`](super::Store::watch).
#[derive(Clone)]
#[non_exhaustive]
pub struct Watch {
    /// How the keys begin that matter. None is empty, and none begins with another.
    pub prefixes: Vec<Box<[u8]>>,
    /// How all keys begin that this cache may write to: what a sign of life writes to does too. Empty without a
    /// namespace.
    pub within: Box<[u8]>,
    /// Who is told.
    pub watcher: Weak<dyn Watcher>,
}

impl Watch {
    /// A watch of the keys that begin with one of `prefixes`. Those are reduced to what is needed; an empty one
    /// is left out.
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a [u8]>, watcher: Weak<dyn Watcher>) -> Self {
        Self { prefixes: minimal(prefixes), within: Box::default(), watcher }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<_> = self.prefixes.iter().map(|prefix| String::from_utf8_lossy(prefix)).collect();
        f.debug_struct("Watch").field("prefixes", &prefixes).finish_non_exhaustive()
    }
}

/// Who is told of changes: in the order in which they were made, and without waiting.
pub trait Watcher: Send + Sync + 'static {
    /// A key has changed in any way: it was written, removed, evicted or has expired.
    fn changed(&self, key: &[u8]);

    /// All keys may have changed.
    fn flushed(&self);
}

/// A connection on which a store tells of changes: at least of each invalidation, begin and end of a guard, even of a
/// key that is not there. Dropped, it is closed.
///
/// Changes are heard while one of its futures is polled.
pub trait Watching: Send {
    /// Writes to a key that is not watched, and returns the store's own time, read after it; see
    /// [`Entry::filled_at`](super::Entry::filled_at).
    ///
    /// A store works in turns. When the answer is here, all that changed in turns before that of this write
    /// has been told. It must be a write, and to a key: whoever may not take writes any more, having lost its
    /// majority say, must not answer.
    ///
    /// # Errors
    ///
    /// If the store did not take it; the connection is then given up.
    fn touch(&mut self) -> StoreFuture<'_, Result<Duration>>;

    /// Whether all changes are told, whoever makes them; otherwise those alone that invalidate, by this library.
    fn tells_all(&self) -> bool {
        true
    }

    /// Waits for the connection to be lost.
    fn lost(&mut self) -> StoreFuture<'_, Error>;
}

/// The prefixes that no other is a prefix of: they cover the same keys, and none twice.
pub(crate) fn minimal<'a>(prefixes: impl IntoIterator<Item = &'a [u8]>) -> Vec<Box<[u8]>> {
    let mut sorted: Vec<&[u8]> = prefixes.into_iter().collect();
    sorted.retain(|prefix| !prefix.is_empty());
    // What another begins with comes right before it, or before all others that begin with it.
    sorted.sort_unstable();
    let mut kept: Vec<Box<[u8]>> = Vec::new();
    for prefix in sorted {
        if !kept.last().is_some_and(|last| prefix.starts_with(last)) {
            kept.push(prefix.into());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_reduced_to_those_that_are_needed() {
        let reduced = |prefixes: &[&str]| -> Vec<String> {
            let kept = minimal(prefixes.iter().map(|prefix| prefix.as_bytes()));
            kept.iter().map(|prefix| String::from_utf8_lossy(prefix).into_owned()).collect()
        };
        assert_eq!(reduced(&["user:", "user:x:", "users:", "user:"]), ["user:", "users:"]);
        assert_eq!(reduced(&["ab", "a", "a!", "abc", "b"]), ["a", "b"]);
        assert_eq!(reduced(&["", "team:"]), ["team:"]);
    }
}
