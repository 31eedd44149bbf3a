//! Functions that could make equal keys: refused, unless they say that they share their entries.

use std::any::{TypeId, type_name};
use std::sync::OnceLock;

use super::{Site, registry};
use crate::error::{Error, ErrorKind, Result};
use crate::shape::Shape;

/// Refuses a program in which two functions could make equal keys, and so read each other's values.
///
/// # Errors
///
/// [`ErrorKind::Collision`], which names both places.
pub fn check_registry() -> Result<()> {
    match refused_sites().first() {
        Some(refused) => Err(refused.error()),
        None => Ok(()),
    }
}

/// A site that does not cache, and the one before it that it meets.
#[derive(Debug)]
pub(super) struct RefusedSite {
    pub(super) site: &'static Site,
    meets: &'static Site,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Neither says that it shares the entries of the other.
    Unshared,
    /// One does, and the values are of other types.
    Types(&'static str, &'static str),
    /// One does, and only one of the two leaves the process.
    Tiers,
    /// One does, and their versions differ.
    Versions,
    /// One does, and their codecs differ.
    Codecs,
    /// One does, and their tags differ.
    Tags,
    /// It says so, and no key of the one is ever a key of the other.
    Apart,
}

impl RefusedSite {
    pub(super) fn error(&self) -> Error {
        let Self { site, meets, why } = self;
        let detail = match why {
            Why::Unshared => format!(
                "{site} could make the same key as {meets}, and they would read each other's values; \
                 begin the two templates with different words, or let one say `shares = …` if their \
                 values are the same"
            ),
            Why::Types(ours, theirs) => format!(
                "{site} shares its entries with {meets}, and stores `{ours}` where that stores `{theirs}`; \
                 let both return the same type, or begin the two templates with different words"
            ),
            Why::Tiers => format!(
                "{site} shares its entries with {meets}, and only one of the two has `tier = local`; \
                 give both the same tier"
            ),
            Why::Versions => format!(
                "{site} shares its entries with {meets}, and each would replace what the other stores; \
                 give both the same `version`"
            ),
            Why::Codecs => format!(
                "{site} shares its entries with {meets}, and each would replace what the other stores; \
                 give both the same `codec`"
            ),
            Why::Tags => format!(
                "{site} shares its entries with {meets}, and each would replace what the other stores; \
                 give both the same `tags` and `groups`, with the same names in their holes"
            ),
            Why::Apart => format!(
                "{site} says that it shares its entries with {meets}, and their keys are never the same; \
                 give both the same template, or leave `shares` out"
            ),
        };
        Error::new(ErrorKind::Collision, "check of the key templates", detail)
    }
}

pub(super) fn refused_sites() -> &'static [RefusedSite] {
    static REFUSED: OnceLock<Vec<RefusedSite>> = OnceLock::new();
    REFUSED.get_or_init(|| collisions(registry()))
}

/// The sites that could make a key of one before them, and do not rightly share it.
fn collisions(sites: &[&'static Site]) -> Vec<RefusedSite> {
    let met = |(at, site): (usize, &&'static Site)| {
        sites[..at]
            .iter()
            .filter(|before| before.template().may_meet(site.template()))
            .find_map(|meets| Some(RefusedSite { site, meets, why: objection(site, meets)? }))
    };
    sites.iter().enumerate().filter_map(|(at, site)| met((at, site)).or_else(|| stray(site))).collect()
}

/// A site that says that it shares entries, and has none in common.
fn stray(site: &'static Site) -> Option<RefusedSite> {
    let meets = site.spec.shares?().with;
    let is_apart = !meets.template().may_meet(site.template());
    is_apart.then_some(RefusedSite { site, meets, why: Why::Apart })
}

/// Why two sites that could make an equal key may not.
fn objection(site: &'static Site, meets: &'static Site) -> Option<Why> {
    let (ours, theirs) = (Root::of(site), Root::of(meets));
    if !std::ptr::eq(ours.site, theirs.site) {
        return Some(Why::Unshared);
    }
    if let Some((ours, theirs)) = ours.disagrees.or(theirs.disagrees) {
        return Some(Why::Types(ours, theirs));
    }
    if site.is_local() != meets.is_local() {
        return Some(Why::Tiers);
    }
    if !same_tags(site, meets) {
        return Some(Why::Tags);
    }
    if site.version() != meets.version() {
        return Some(Why::Versions);
    }
    (site.spec.encoding != meets.spec.encoding).then_some(Why::Codecs)
}

fn same_tags(site: &Site, meets: &Site) -> bool {
    site.tags().iter().map(ToString::to_string).eq(meets.tags().iter().map(ToString::to_string))
}

/// Whose entries a site has in the end.
struct Root {
    site: &'static Site,
    /// The types of two on the way there that differ.
    disagrees: Option<(&'static str, &'static str)>,
}

impl Root {
    fn of(site: &'static Site) -> Self {
        let mut root = Self { site, disagrees: None };
        // Two may name each other: a bound ends that, and they have no root in common then.
        for _ in 0..SHARES_DEPTH_MAX {
            let Some(shares) = root.site.spec.shares else { break };
            let shares = shares();
            root.disagrees = root.disagrees.or(shares.disagrees);
            root.site = shares.with;
        }
        root
    }
}

/// How long a chain of functions that share each other's entries may be.
const SHARES_DEPTH_MAX: usize = 16;

/// Whose entries a function shares, and whether the values are of one type.
#[derive(Debug)]
pub struct Shares {
    with: &'static Site,
    disagrees: Option<(&'static str, &'static str)>,
}

impl Shares {
    /// The shapes of the two functions, and the site of the other one.
    pub fn new<A, B>(_ours: A, _theirs: B, with: &'static Site) -> Self
    where
        A: Shape<Value: 'static>,
        B: Shape<Value: 'static>,
    {
        let differ = TypeId::of::<A::Value>() != TypeId::of::<B::Value>();
        Self { with, disagrees: differ.then(|| (type_name::<A::Value>(), type_name::<B::Value>())) }
    }
}

#[cfg(test)]
#[expect(clippy::needless_borrow, reason = "each `&` is a rung of the ladder")]
mod tests {
    use super::*;
    use crate::key::Piece::{self, Hole, Text};
    use crate::key::Template;
    use crate::shape::{Probe, ladder::*};
    use crate::site::SiteSpec;

    fn site(path: &'static str, line: u32, pieces: &'static [Piece]) -> &'static Site {
        Box::leak(Box::new(Site::new(SiteSpec {
            name: path,
            path,
            file: "src/users.rs",
            line,
            template: Template(pieces),
            ..SiteSpec::PLAIN
        })))
    }

    #[test]
    fn the_later_of_two_functions_that_could_share_keys_is_refused_and_both_are_named() {
        let sites = [
            site("app::by_id", 1, &[Text("user:"), Hole("id")]),
            site("app::by_name", 9, &[Text("user:"), Hole("name")]),
            site("app::tasks", 20, &[Text("tasks:"), Hole("id")]),
        ];
        let refused = collisions(&sites);
        assert_eq!(refused.len(), 1);
        let error = refused[0].error();
        assert_eq!(error.kind(), ErrorKind::Collision);
        let text = error.to_string();
        assert!(text.contains("`user:<name>` of app::by_name (src/users.rs:9)"), "{text}");
        assert!(text.contains("`user:<id>` of app::by_id (src/users.rs:1)"), "{text}");
    }

    fn sharing(path: &'static str, line: u32, shares: fn() -> Shares) -> &'static Site {
        let spec = SiteSpec { shares: Some(shares), ..site(path, line, &[Text("user:"), Hole("id")]).spec };
        Box::leak(Box::new(Site::new(spec)))
    }

    static FIRST: Site = Site::new(SiteSpec {
        path: "app::by_id",
        line: 1,
        template: Template(&[Text("user:"), Hole("id")]),
        ..SiteSpec::PLAIN
    });

    fn with_first<T: 'static>() -> Shares {
        let ours = (&&&&Probe::<T>::NEW).shape();
        Shares::new(ours, (&&&&Probe::<u64>::NEW).shape(), &FIRST)
    }

    #[test]
    fn functions_that_share_entries_of_one_type_are_left_alone() {
        let second = sharing("app::second", 2, with_first::<u64>);
        let third = sharing("app::third", 3, with_first::<u64>);
        assert!(collisions(&[&FIRST, second, third]).is_empty());
        let stranger = site("app::stranger", 4, &[Text("user:"), Hole("name")]);
        assert_eq!(collisions(&[&FIRST, second, stranger])[0].why, Why::Unshared);
    }

    #[test]
    fn functions_that_share_entries_of_two_types_are_refused() {
        let second = sharing("app::second", 2, with_first::<String>);
        let refused = collisions(&[&FIRST, second]);
        assert_eq!(refused[0].why, Why::Types("alloc::string::String", "u64"));
        let text = refused[0].error().to_string();
        assert!(text.contains("app::second") && text.contains("`u64`"), "{text}");
    }

    #[test]
    fn a_function_that_shares_entries_has_keys_in_common() {
        let spec = sharing("app::second", 2, with_first::<u64>).spec;
        let spec = SiteSpec { template: Template(&[Text("users:"), Hole("id")]), ..spec };
        let apart: &'static Site = Box::leak(Box::new(Site::new(spec)));
        let refused = collisions(&[&FIRST, apart]);
        assert_eq!(refused[0].why, Why::Apart);
        let text = refused[0].error().to_string();
        assert!(text.contains("`users:<id>` of app::second") && text.contains("app::by_id"), "{text}");
    }

    #[test]
    fn functions_that_share_entries_are_of_one_tier_version_and_codec_and_have_the_same_tags() {
        let spec = sharing("app::second", 2, with_first::<u64>).spec;
        let local: &'static Site = Box::leak(Box::new(Site::new(SiteSpec { is_local: true, ..spec })));
        assert_eq!(collisions(&[&FIRST, local])[0].why, Why::Tiers);
        let newer: &'static Site = Box::leak(Box::new(Site::new(SiteSpec { version: 1, ..spec })));
        assert_eq!(collisions(&[&FIRST, newer])[0].why, Why::Versions);
        const TEAM: &[Template] = &[Template(&[Text("team:"), Hole("id")])];
        let tagged: &'static Site = Box::leak(Box::new(Site::new(SiteSpec { tags: TEAM, ..spec })));
        assert_eq!(collisions(&[&FIRST, tagged])[0].why, Why::Tags);
        #[cfg(feature = "json")]
        {
            let encoding = Some(crate::form::Encoding::raw(crate::form::Format::Json));
            let raw: &'static Site = Box::leak(Box::new(Site::new(SiteSpec { encoding, ..spec })));
            assert_eq!(collisions(&[&FIRST, raw])[0].why, Why::Codecs);
        }
    }
}
