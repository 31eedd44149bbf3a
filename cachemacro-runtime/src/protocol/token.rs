//! The names of leases, fills and guards, what allows a fill, and what came of asking.

/// 128 random bits that name one lease, one fill or one guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// The bits, as they are stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for Token {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// What allows a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permit {
    /// The lease that is held under this token.
    Lease(Token),
    /// The value of this fill, still in its place: a refresh replaces what it set out to replace.
    Replace(Token),
}

impl Permit {
    /// What it is named by.
    pub(crate) fn token(self) -> Token {
        match self {
            Self::Lease(token) | Self::Replace(token) => token,
        }
    }
}

/// Whether what a call named, a permit or its guards, still stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It stood.
    Accepted,
    /// It was gone: invalidated, expired, evicted, or lost with the store's memory.
    Refused,
}

impl From<bool> for Verdict {
    fn from(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Refused }
    }
}

/// Whether a put wrote its value. Its guard has ended either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PutVerdict {
    /// The value is stored now.
    Written,
    /// Nothing is stored by it: the guard was gone, or another writer or an invalidation came
    /// while it stood, or the store has no room for the value.
    NotWritten,
}

impl From<bool> for PutVerdict {
    fn from(written: bool) -> Self {
        if written { Self::Written } else { Self::NotWritten }
    }
}
