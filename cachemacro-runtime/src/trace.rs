//! What is said aloud: through `tracing` where the feature is on, and otherwise, where it matters, on stderr.
//!
//! Spans and events carry a function's key template, never a key, a value or a URL.

use crate::error::Error;
use crate::policy::breaker::Transition;
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

/// The span that a thread is in.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Here {
    pub(crate) fn now() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::Span::current(),
        }
    }

    /// Does what belongs to it.
    pub(crate) fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(act);
        #[cfg(not(feature = "tracing"))]
        act()
    }
}

/// Says that a call had to do without the cache.
pub(crate) fn outage(site: &Site, error: &Error) {
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
pub(crate) fn warn_undelivered(error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "cachemacro",
        kind = ?error.kind(),
        operation = error.operation(),
        "an invalidation waits for its store",
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

/// Says that a mutation runs unguarded.
pub(crate) fn warn_unguarded(error: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "cachemacro",
        kind = ?error.kind(),
        operation = error.operation(),
        "a mutation runs without a guard",
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

/// Says that a store is given up, tried, or asked again.
pub(crate) fn breaker(store: &'static str, transition: Transition) {
    #[cfg(feature = "tracing")]
    match transition {
        Transition::Opened => {
            tracing::warn!(target: "cachemacro", store, "the store does not answer, and is left alone for a moment")
        }
        Transition::Probing => tracing::debug!(target: "cachemacro", store, "one operation tries the store"),
        Transition::Closed => tracing::info!(target: "cachemacro", store, "the store answers again"),
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (store, transition);
}

/// Says that a store tells of its changes from now on, so that values are kept near.
pub(crate) fn linked(store: &'static str, tells_all: bool) {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "cachemacro", store, tells_all, "the store tells of its changes, and values are kept near");
    #[cfg(not(feature = "tracing"))]
    let _ = (store, tells_all);
}

/// Says that it does so no more, and that what was kept near is dropped.
pub(crate) fn unlinked(store: &'static str, why: &Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "cachemacro",
        store,
        kind = ?why.kind(),
        operation = why.operation(),
        "the store tells of its changes no more, and what was kept near is dropped",
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (store, why);
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::fmt::Debug;
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::error::ErrorKind;
    use crate::key::{Piece, Template};
    use crate::site::SiteSpec;

    static SITE: Site = Site::new(SiteSpec {
        name: "get_user",
        path: "app::get_user",
        file: "src/users.rs",
        line: 1,
        template: Template(&[Piece::Text("user:"), Piece::Hole("id")]),
        ..SiteSpec::PLAIN
    });

    /// Writes down every field of every span and event.
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<String>>);

    impl Visit for Recorder {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            *self.0.lock().unwrap() += &format!("{field}={value:?} ");
        }
    }

    impl Subscriber for Recorder {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut self.clone());
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn spans_and_events_carry_the_template_and_never_the_key() {
        let recorder = Recorder::default();
        let guard = tracing::subscriber::set_default(recorder.clone());
        let error = Error::new(ErrorKind::TimedOut, "redis lookup", "no answer").with_key(b"user:42");
        miss(&SITE, async { outage(&SITE, &error) }).await;
        warn_undelivered(&error);
        drop(guard);
        let text = recorder.0.lock().unwrap().clone();
        assert!(text.contains("template=user:<id>") && text.contains("function=\"get_user\""), "{text}");
        assert!(text.contains("kind=TimedOut"), "{text}");
        assert!(!text.contains("user:42"), "{text}");
    }

    #[test]
    fn each_transition_of_a_breaker_is_an_event() {
        let recorder = Recorder::default();
        let guard = tracing::subscriber::set_default(recorder.clone());
        for transition in [Transition::Opened, Transition::Probing, Transition::Closed] {
            breaker("redis", transition);
        }
        drop(guard);
        let text = recorder.0.lock().unwrap().clone();
        for said in ["left alone for a moment", "one operation tries", "answers again"] {
            assert!(text.contains(said), "{text}");
        }
        assert_eq!(text.matches("store=\"redis\"").count(), 3, "{text}");
    }
}
