//! What is said aloud: through `tracing` where the feature is on, and otherwise, where it matters, on stderr.

use crate::error::Error;

/// Says something that is wrong with the program itself. The caller sees to it that it is said once.
pub(crate) fn warn_once(error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "cachemacro", "{error}");
    #[cfg(not(feature = "tracing"))]
    eprintln!("cachemacro: {error}");
}
