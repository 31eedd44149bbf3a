//! One static for each annotated function: what it is, and what it has done; and the list of all.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::key::Template;
use crate::policy::Jitter;

/// An annotated function.
#[derive(Debug)]
pub struct Site {
    spec: SiteSpec,
    stats: Counters,
    warned: AtomicBool,
    /// What the first call was for, of what the key does not tell apart. See [`Site::admits`].
    instance: OnceLock<&'static str>,
}

/// What the attribute says of a function.
#[derive(Clone, Copy, Debug)]
pub struct SiteSpec {
    /// What labels it in metrics and configuration.
    pub name: &'static str,
    /// Its crate, modules and name.
    pub path: &'static str,
    /// The file of the attribute.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// What its keys look like.
    pub template: Template,
    /// What may be taken off its ttl.
    pub jitter: Jitter,
}

impl Site {
    /// The site of a function.
    pub const fn new(spec: SiteSpec) -> Self {
        Self { spec, stats: Counters::new(), warned: AtomicBool::new(false), instance: OnceLock::new() }
    }

    /// What labels it in metrics and configuration: the function's name, unless the attribute has a `name`.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// Its crate, modules and name.
    pub fn path(&self) -> &'static str {
        self.spec.path
    }

    /// What its keys look like: `user:<id>`.
    pub fn template(&self) -> Template {
        self.spec.template
    }

    /// What it has done since the process began.
    pub fn stats(&self) -> Stats {
        let Counters { hits, shared, loads, failures, stored, refused, outages } = &self.stats;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits: read(hits),
            shared: read(shared),
            loads: read(loads),
            failures: read(failures),
            stored: read(stored),
            refused: read(refused),
            outages: read(outages),
        }
    }

    /// Whether it may cache: not if a function before it in the registry could make an equal key.
    pub(crate) fn is_enabled(&'static self) -> bool {
        let refused = refused_sites();
        // Most programs have none: one load and a comparison on a hit's path.
        refused.is_empty() || !refused.iter().any(|refused| std::ptr::eq(refused.site, self))
    }

    /// Whether a call for this `Self` may cache: the key does not tell it from another one, so that
    /// only the first that calls may. `None` is a call that the key tells all of.
    pub(crate) fn admits(&self, instance: Option<&'static str>) -> bool {
        instance.is_none_or(|instance| *self.instance.get_or_init(|| instance) == instance)
    }

    /// Says, once, why it does not cache.
    pub(crate) fn warn_disabled(&'static self, instance: Option<&'static str>) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(refused) = refused_sites().iter().find(|refused| std::ptr::eq(refused.site, self)) {
            crate::trace::warn_once(&refused.error());
        } else if let (Some(first), Some(second)) = (self.instance.get(), instance) {
            let detail = format!(
                "{self} is called for `{first}` and for `{second}`, which its key does not tell apart, so \
                 that it is cached for the first alone; add `<Self>` to its key"
            );
            crate::trace::warn_once(&Error::new(ErrorKind::Collision, "call of a method", detail));
        }
    }

    pub(crate) fn jitter(&self) -> Jitter {
        self.spec.jitter
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.stats
    }
}

impl fmt::Display for Site {
    /// `user:<id> of app::get_user (src/users.rs:12)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SiteSpec { path, file, line, template, .. } = &self.spec;
        write!(f, "`{template}` of {path} ({file}:{line})")
    }
}

/// What a function has done since the process began; each is a number of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Answered by what was stored.
    pub hits: u64,
    /// Answered by the load of another call in this process.
    pub shared: u64,
    /// Ran the body.
    pub loads: u64,
    /// Ran the body, and its output is not one that is cached: an error or a `None`.
    pub failures: u64,
    /// Ran the body and stored its value.
    pub stored: u64,
    /// Ran the body, and its value was not stored, since an invalidation or an expiry came first.
    pub refused: u64,
    /// Ran the body since the store could not be asked, or would not store.
    pub outages: u64,
}

impl Stats {
    /// All calls.
    pub fn calls(&self) -> u64 {
        self.hits + self.shared + self.loads
    }

    /// The part of the calls that did not run the body, from 0 to 1.
    pub fn hit_rate(&self) -> f64 {
        match self.calls() {
            0 => 0.0,
            calls => (self.hits + self.shared) as f64 / calls as f64,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) shared: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) outages: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self {
            hits: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            outages: AtomicU64::new(0),
        }
    }
}

/// Adds one.
#[inline]
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What generated code submits at link time.
#[derive(Debug)]
pub struct Registered(pub &'static Site);

inventory::collect!(Registered);

/// All annotated functions of the program, in the order of their places in the source.
pub fn registry() -> &'static [&'static Site] {
    static SITES: OnceLock<Vec<&'static Site>> = OnceLock::new();
    SITES.get_or_init(|| {
        let mut sites: Vec<_> = inventory::iter::<Registered>().map(|registered| registered.0).collect();
        sites.sort_by_key(|site| (site.spec.file, site.spec.line, site.spec.path));
        sites
    })
}

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

#[derive(Debug)]
struct RefusedSite {
    site: &'static Site,
    meets: &'static Site,
}

impl RefusedSite {
    fn error(&self) -> Error {
        let Self { site, meets } = self;
        let detail = format!(
            "{site} could make the same key as {meets}, and they would read each other's values; \
             begin the two templates with different words"
        );
        Error::new(ErrorKind::Collision, "check of the key templates", detail)
    }
}

fn refused_sites() -> &'static [RefusedSite] {
    static REFUSED: OnceLock<Vec<RefusedSite>> = OnceLock::new();
    REFUSED.get_or_init(|| collisions(registry()))
}

/// The sites that could make a key of one before them.
fn collisions(sites: &[&'static Site]) -> Vec<RefusedSite> {
    let met = |(at, site): (usize, &&'static Site)| {
        let meets = sites[..at].iter().find(|before| before.template().may_meet(site.template()))?;
        Some(RefusedSite { site, meets })
    };
    sites.iter().enumerate().filter_map(met).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{self, Hole, Text};

    fn site(path: &'static str, line: u32, pieces: &'static [Piece]) -> &'static Site {
        Box::leak(Box::new(Site::new(SiteSpec {
            name: path,
            path,
            file: "src/users.rs",
            line,
            template: Template(pieces),
            jitter: Jitter::DEFAULT,
        })))
    }

    #[test]
    fn of_what_the_key_does_not_tell_apart_the_first_is_admitted() {
        let site = site("app::find", 1, &[Text("user:"), Hole("id")]);
        assert!(site.admits(Some("Repo")) && site.admits(Some("Repo")));
        assert!(!site.admits(Some("Other")));
        assert!(site.admits(None));
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
}
