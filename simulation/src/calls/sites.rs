//! The cached function, with each of what an attribute may say of it.

use std::time::Duration;

use cachemacro_runtime::generated::{Jitter, Piece, Policy, Site, SiteSpec, Template, Windows};

use crate::plan::{EVERY, Freshness, HARD, IDLE, IF_ERROR, Plan, REVALIDATE, SOFT};

/// The one that a world calls.
pub(super) fn of(plan: &Plan) -> &'static Site {
    match plan.freshness {
        Some(Freshness::Lenient) => &LENIENT,
        Some(Freshness::Covered) => &COVERED,
        Some(Freshness::Soft) => &SOFTLY_TIMED,
        Some(Freshness::Hard) => &TIMED,
        Some(Freshness::SoftAndHard) => &TWICE_TIMED,
        Some(Freshness::Idle) => &IDLING,
        Some(Freshness::Kept) => &KEPT,
        None if plan.is_tagged => &TAGGED,
        None => &SITE,
    }
}

pub(crate) static SITE: Site = Site::new(PLAIN);

/// With a tag for each key.
static TAGGED: Site =
    Site::new(SiteSpec { tags: &[Template(&[Piece::Text("of:"), Piece::Hole("key")])], ..PLAIN });

/// With all that serves past a ttl or refreshes before it.
static LENIENT: Site = with(Policy {
    windows: Windows { revalidate: REVALIDATE, if_error: IF_ERROR },
    early: true,
    ..Policy::PLAIN
});

static COVERED: Site = with(Policy { windows: COVER, ..Policy::PLAIN });

static SOFTLY_TIMED: Site = with(Policy { windows: COVER, timeout: Some(SOFT), ..Policy::PLAIN });

static TIMED: Site = with(Policy { hard: Some(HARD), ..Policy::PLAIN });

static TWICE_TIMED: Site =
    with(Policy { windows: COVER, timeout: Some(SOFT), hard: Some(HARD), ..Policy::PLAIN });

static IDLING: Site = with(Policy { idle: Some(IDLE), ..Policy::PLAIN });

static KEPT: Site = with(Policy { refresh_every: Some(EVERY), ..Policy::PLAIN });

const PLAIN: SiteSpec = SiteSpec {
    name: "register",
    path: "cachemacro_simulation::register",
    template: Template(&[Piece::Text("register:"), Piece::Hole("key")]),
    ttl: Some(Duration::from_secs(60)),
    // Much, so that a ttl that is not kept to is seen past the delays of messages.
    jitter: Jitter::percent(50),
    ..SiteSpec::PLAIN
};

/// Where a load fails, and never else.
const COVER: Windows = Windows { revalidate: Duration::ZERO, if_error: IF_ERROR };

const fn with(policy: Policy) -> Site {
    Site::new(SiteSpec { policy, ..PLAIN })
}
