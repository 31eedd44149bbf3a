//! What a flight brings to those who wait.

use crate::shape::Shared;

/// What came of a load, for others to take. How it ended is an [`Ending`](crate::protocol::flight::Ending).
#[derive(Clone)]
pub(crate) enum Outcome {
    /// A value: an `Arc` of what the shape caches.
    Value(Shared),
    /// What is not cached, a `None` or an error that is `Clone`: an `Arc` of the whole output.
    Rest(Shared),
}

impl std::fmt::Debug for Outcome {
    /// Values are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value",
            Self::Rest(_) => "Rest",
        })
    }
}
