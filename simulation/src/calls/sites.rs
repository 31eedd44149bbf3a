//! The cached function, with each of what an attribute may say of it.

use std::time::Duration;

use cachemacro_runtime::generated::{Jitter, Piece, Policy, Site, SiteSpec, Template, Windows};

use crate::plan::{EVERY, Freshness, HARD, IDLE, IF_ERROR, Plan, REVALIDATE, SOFT, Tagging};

/// The one that a world calls.
pub(super) fn of(plan: &Plan) -> &'static Site {
    let with = match plan.tagging {
        None => &UNTAGGED,
        Some(Tagging::OfKey) => &UNDER_ONE,
        Some(Tagging::Two) => &UNDER_TWO,
        Some(Tagging::OfValue) => &BY_VALUE,
    };
    match plan.freshness {
        None => &with.plain,
        Some(Freshness::Lenient) => &with.lenient,
        Some(Freshness::Covered) => &with.covered,
        Some(Freshness::Soft) => &with.softly_timed,
        Some(Freshness::Hard) => &with.timed,
        Some(Freshness::SoftAndHard) => &with.twice_timed,
        Some(Freshness::Idle) => &with.idling,
        Some(Freshness::Kept) => &with.kept,
    }
}

static UNTAGGED: Sites = Sites::under(&[]);
static UNDER_ONE: Sites = Sites::under(&[OF_KEY]);
static UNDER_TWO: Sites = Sites::under(&[OF_KEY, OF_KEY]);
static BY_VALUE: Sites =
    Sites::under(&[Template(&[Piece::Text("of:"), Piece::Hole("key"), Piece::Hole("value.version")])]);

const OF_KEY: Template = Template(&[Piece::Text("of:"), Piece::Hole("key")]);

/// With each of what may be said of time, under the same tags.
struct Sites {
    plain: Site,
    /// With all that serves past a ttl or refreshes before it.
    lenient: Site,
    covered: Site,
    softly_timed: Site,
    timed: Site,
    twice_timed: Site,
    idling: Site,
    kept: Site,
}

impl Sites {
    const fn under(tags: &'static [Template]) -> Self {
        let windows = Windows { revalidate: REVALIDATE, if_error: IF_ERROR };
        let (soft, hard) = (Some(SOFT), Some(HARD));
        Self {
            plain: site(tags, Policy::PLAIN),
            lenient: site(tags, Policy { windows, early: true, ..Policy::PLAIN }),
            covered: site(tags, Policy { windows: COVER, ..Policy::PLAIN }),
            softly_timed: site(tags, Policy { windows: COVER, timeout: soft, ..Policy::PLAIN }),
            timed: site(tags, Policy { hard, ..Policy::PLAIN }),
            twice_timed: site(tags, Policy { windows: COVER, timeout: soft, hard, ..Policy::PLAIN }),
            idling: site(tags, Policy { idle: Some(IDLE), ..Policy::PLAIN }),
            kept: site(tags, Policy { refresh_every: Some(EVERY), ..Policy::PLAIN }),
        }
    }
}

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

const fn site(tags: &'static [Template], policy: Policy) -> Site {
    Site::new(SiteSpec { tags, policy, ..PLAIN })
}
