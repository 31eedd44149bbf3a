//! What is said aloud: through `tracing` where the feature is on, and otherwise, where it matters, on stderr.
//!
//! Spans and events carry a function's key template, never a key, a value or a URL.

use crate::error::Error;
use crate::site::Site;

/// Says something that is wrong with the program itself. The caller sees to it that it is said once.
pub(crate) fn warn_once(error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "cachemacro", "{error}");
    #[cfg(not(feature = "tracing"))]
    eprintln!("cachemacro: {error}");
}

/// Runs what a call does that was not answered at once, in a span.
#[cfg(feature = "tracing")]
pub(crate) fn miss<F: Future>(site: &'static Site, answer: F) -> impl Future<Output = F::Output> {
    use tracing::Instrument as _;
    let template = site.template();
    answer.instrument(
        tracing::debug_span!(target: "cachemacro", "cache_read", function = site.name(), %template),
    )
}

/// Without tracing, there is no span.
#[cfg(not(feature = "tracing"))]
pub(crate) fn miss<F: Future>(_site: &'static Site, answer: F) -> F {
    answer
}

/// Says that a call had to do without the cache.
pub(crate) fn outage(site: &'static Site, error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "cachemacro",
        function = site.name(),
        template = %site.template(),
        kind = ?error.kind(),
        operation = error.operation(),
        "the body runs uncached",
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (site, error);
}

/// Says that a mutation's invalidation waits for its store.
pub(crate) fn warn_undelivered(error: &Error, keys: usize) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "cachemacro",
        kind = ?error.kind(),
        operation = error.operation(),
        keys,
        "an invalidation waits for its store",
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (error, keys);
}
