//! The one error type: what kind, which operation, on which key, and why.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The result of an operation of the cache.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation of the cache that failed.
///
/// It never holds a value, a URL or a password; it may hold a key. Cached functions never return
/// it: a cache that fails costs a bounded delay, and the body runs.
///
/// ```text
/// redis lookup "user:42": connection refused
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    key: Option<Box<str>>,
    detail: Cow<'static, str>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, in terms of what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting, a URL or an environment variable cannot be used; the call has to change.
    Config,
    /// Two functions could make equal keys and would read each other's values; a template has to change.
    Collision,
    /// A process-wide cache is installed already.
    AlreadyInstalled,
    /// The store cannot be reached now.
    Unavailable,
    /// The store did not answer within its budget, or a load within its hard timeout; the operation may still
    /// take effect.
    TimedOut,
    /// The store answered, and refused: full, read-only, no permission.
    Rejected,
    /// What is stored under the key was not written by cachemacro, or is damaged, or is of another type.
    Unreadable,
    /// The value cannot be encoded, or is larger than the store's bound.
    Unstorable,
    /// The cache was closed.
    Closed,
}

impl Error {
    /// Why, without what it is about.
    #[cfg(feature = "tuning-file")]
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// An error of `kind` in `operation`, such as `"redis lookup"`, because of `detail`.
    ///
    /// For those who implement a [`Store`](crate::store::Store). `detail` must not hold a value, a
    /// URL or a password.
    pub fn new(kind: ErrorKind, operation: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, operation, key: None, detail: detail.into(), source: None }
    }

    /// Names the key that the operation was about.
    #[must_use]
    pub fn with_key(mut self, key: &[u8]) -> Self {
        self.key = Some(String::from_utf8_lossy(key).into());
        self
    }

    /// Keeps the error that caused this one, as its [`source`](std::error::Error::source).
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done, such as `"redis lookup"`.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The key it was about, where it was about one.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether the same operation may succeed later, with nothing changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Rejected)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        if let Some(key) = &self.key {
            write!(f, " {key:?}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
