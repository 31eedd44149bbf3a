//! The cached function, with each of what an attribute may say of it.

use std::time::Duration;

use cachemacro_runtime::generated::{Jitter, Piece, Policy, Site, SiteSpec, Template, Windows};

pub(crate) static SITE: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    ttl: Some(Duration::from_secs(60)),
    jitter: JITTER,
    ..SiteSpec::PLAIN
});

/// The same function, with all that serves past a ttl or refreshes before it.
pub(super) static LENIENT: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    jitter: JITTER,
    policy: Policy {
        windows: Windows { revalidate: Duration::from_millis(60), if_error: IF_ERROR },
        early: true,
        ..Policy::PLAIN
    },
    ..SiteSpec::PLAIN
});

/// The same function, with a tag for each key.
pub(super) static TAGGED: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    tags: &[Template(&[Piece::Text("of:"), Piece::Hole("key")])],
    ..SiteSpec::PLAIN
});

/// The same function, which serves past its ttl where its body fails, and never else.
pub(super) static COVERED: Site = Site::new(SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    jitter: JITTER,
    policy: Policy { windows: Windows { revalidate: Duration::ZERO, if_error: IF_ERROR }, ..Policy::PLAIN },
    ..SiteSpec::PLAIN
});

/// The longest that a value serves past its ttl.
pub(crate) const IF_ERROR: Duration = Duration::from_secs(2);

/// Much, so that a ttl that is not kept to is seen past the delays of messages.
const JITTER: Jitter = Jitter::percent(50);
