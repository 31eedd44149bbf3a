//! One static for each annotated function: what it is, and what it has done; and the list of all.

mod collisions;
mod tags;

use std::fmt;
use std::num::NonZeroU16;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, ErrorKind};
use crate::form::{Encoding, Form, VALUE_BYTES_MAX};
use crate::key::Template;
use crate::policy::{Jitter, Policy};
use crate::stripe::{Count, Tally};
use crate::tag;
use collisions::refused_sites;

pub use collisions::{Shares, check_registry};
pub(crate) use tags::{EPOCHS, ERA, TAGS};

/// An annotated function.
#[derive(Debug)]
pub struct Site {
    spec: SiteSpec,
    /// The version of its values for all `Self` alike.
    version: u64,
    stats: Counters,
    warned: AtomicBool,
    /// What the first call was for, of what the key does not tell apart. See [`Site::admits`].
    instance: OnceLock<Instance>,
    number: AtomicU16,
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
    /// How long its values live, if that is the same for all.
    pub ttl: Option<Duration>,
    /// What may be taken off its ttl.
    pub jitter: Jitter,
    /// What else is said of time.
    pub policy: Policy,
    /// What is stored by another version is not read.
    pub version: u32,
    /// How its values are written, if not as the cache's are.
    pub encoding: Option<Encoding>,
    /// The largest of its values that is stored, in bytes.
    pub value_bytes_max: usize,
    /// How many bytes of this process its values may take, in a room of their own; otherwise they are among all others.
    pub memory: Option<u64>,
    /// Whether its values never leave this process.
    pub is_local: bool,
    /// Whether a shared store is asked each time.
    pub is_strict: bool,
    /// The tags of its values: what is stored under others is not read.
    pub tags: &'static [Template],
    /// The function whose entries it shares, if it does.
    pub shares: Option<fn() -> Shares>,
}

impl SiteSpec {
    /// What an attribute says that says nothing: the rest of each spec.
    pub const PLAIN: Self = Self {
        name: "",
        path: "",
        file: "",
        line: 0,
        template: Template(&[]),
        ttl: None,
        jitter: Jitter::DEFAULT,
        policy: Policy::PLAIN,
        version: 0,
        encoding: None,
        value_bytes_max: VALUE_BYTES_MAX,
        memory: None,
        is_local: false,
        is_strict: false,
        tags: &[],
        shares: None,
    };
}

impl Site {
    /// The site of a function.
    pub const fn new(spec: SiteSpec) -> Self {
        let version = tags::version(spec.version, spec.tags);
        Self {
            spec,
            version,
            stats: Counters::new(),
            warned: AtomicBool::new(false),
            instance: OnceLock::new(),
            number: AtomicU16::new(0),
        }
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
        let Counters { hits, shared, loads, failures, stored, refused, outages, stale, refreshes } =
            &self.stats;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits: hits.sum(),
            shared: read(shared),
            loads: read(loads),
            failures: read(failures),
            stored: read(stored),
            refused: read(refused),
            outages: read(outages),
            stale: read(stale),
            refreshes: read(refreshes),
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
    ///
    /// Another process may have begun with another one: it is part of the [version](Self::version).
    pub(crate) fn admits(&self, instance: Option<&'static str>) -> bool {
        instance.is_none_or(|name| {
            let first = || Instance { name, version: version_of(self.version, name) };
            self.instance.get_or_init(first).name == name
        })
    }

    /// Says, once, why it does not cache.
    pub(crate) fn warn_disabled(&'static self, instance: Option<&'static str>) {
        let refused = refused_sites().iter().find(|refused| std::ptr::eq(refused.site, self));
        let error = match (refused, self.instance.get(), instance) {
            (Some(refused), ..) => refused.error(),
            (None, Some(Instance { name: first, .. }), Some(second)) if *first != second => {
                let detail = format!(
                    "{self} is called for `{first}` and for `{second}`, which its key does not tell apart, so \
                     that it is cached for the first alone; add `<Self>` to its key"
                );
                Error::new(ErrorKind::Collision, "call of a method", detail)
            }
            // Bypassed by what the attribute says.
            _ => return,
        };
        if !self.warned.swap(true, Ordering::Relaxed) {
            crate::trace::warn_once(&error);
        }
    }

    /// Whether its values may be kept in front of a store.
    pub(crate) fn may_be_near(&self) -> bool {
        !self.is_local() && !self.is_strict() && !self.is_raw()
    }

    /// Names the values that it may read: what is stored under another version is a miss.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.instance.get().map_or(self.version, |instance| instance.version)
    }

    /// What tells it from all other functions, in less than an address, once it has [one](Self::numbered).
    #[inline]
    pub(crate) fn number(&self) -> Option<NonZeroU16> {
        NonZeroU16::new(self.number.load(Ordering::Relaxed))
    }

    /// The same; it is given one if it has none and may cache, as long as there are any.
    pub(crate) fn numbered(&'static self) -> Option<NonZeroU16> {
        /// Half of what there are: what is kept by a number has a bit more.
        const NUMBERS: u16 = 1 << 15;
        static NEXT: AtomicU16 = AtomicU16::new(1);
        self.number().or_else(|| {
            if !self.is_enabled() {
                return None;
            }
            let taken = NEXT
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                    Some(next + 1).filter(|next| *next < NUMBERS)
                })
                .ok()?;
            // Where another thread was faster, a number is left out.
            let _ = self.number.compare_exchange(0, taken, Ordering::Relaxed, Ordering::Relaxed);
            self.number()
        })
    }

    /// The form of its values in a store.
    #[inline]
    pub(crate) fn form(&self) -> Form {
        let SiteSpec { encoding, value_bytes_max, .. } = self.spec;
        Form { version: self.version(), encoding, value_bytes_max }
    }

    /// Whether its keys are shared with other programs.
    pub(crate) fn is_raw(&self) -> bool {
        self.spec.encoding.is_some_and(|encoding| encoding.is_raw)
    }

    /// How many bytes of this process its values may take, if they have a room of their own.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.spec.memory
    }

    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.spec.is_local
    }

    #[inline]
    pub(crate) fn is_strict(&self) -> bool {
        self.spec.is_strict
    }

    /// What the tags of its values look like.
    pub fn tags(&self) -> &'static [Template] {
        self.spec.tags
    }

    /// Whether its values stand under tags.
    #[inline]
    pub(crate) fn is_tagged(&self) -> bool {
        !self.spec.tags.is_empty()
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.spec.ttl
    }

    pub(crate) fn jitter(&self) -> Jitter {
        self.spec.jitter
    }

    pub(crate) fn policy(&self) -> Policy {
        self.spec.policy
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.stats
    }
}

/// What a function of many `Self` is cached for.
#[derive(Debug)]
struct Instance {
    name: &'static str,
    version: u64,
}

/// The version of values for one `Self`: never one that an attribute can write.
fn version_of(version: u64, instance: &str) -> u64 {
    xxh3_64_with_seed(instance.as_bytes(), version) | 1 << 63
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
    /// Ran the body, and its output is not one that is cached: an error, a `None`, or what `unless` keeps out.
    pub failures: u64,
    /// Ran the body and stored its value.
    pub stored: u64,
    /// Ran the body, and its value was not stored, since an invalidation or an expiry came first.
    pub refused: u64,
    /// Ran the body since the store could not be asked, or would not store.
    pub outages: u64,
    /// Of the hits, those that were past their ttl.
    pub stale: u64,
    /// Bodies that ran without a caller who waited for them: they are no calls.
    pub refreshes: u64,
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
    pub(crate) hits: Tally,
    pub(crate) shared: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) outages: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) refreshes: AtomicU64,
}

impl Counters {
    const fn new() -> Self {
        Self {
            hits: Tally::new(),
            shared: AtomicU64::new(0),
            loads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            outages: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
        }
    }
}

/// Adds one.
#[inline]
pub(crate) fn count(counter: &impl Count) {
    counter.add(1);
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

/// How the keys begin of all functions whose values may be kept in front of a store, and those of their tags. A key that
/// begins with a hole begins with nothing that is known.
pub(crate) fn near_prefixes() -> impl Iterator<Item = &'static str> {
    let sites = || registry().iter().filter(|site| site.may_be_near());
    let tags = sites().any(|site| site.is_tagged()).then_some(tag::PREFIX);
    sites().filter_map(|site| site.template().literal_start()).chain(tags)
}

/// Those of all functions that have a `memory` of their own.
pub(crate) fn roomed(of: impl Fn(&Site) -> bool) -> Vec<&'static Site> {
    registry().iter().copied().filter(|site| site.memory().is_some() && of(site)).collect()
}

/// How the keys begin that are shared with other programs.
pub(crate) fn raw_prefixes() -> Vec<String> {
    registry().iter().filter(|site| site.is_raw()).map(|site| site.template().prefix()).collect()
}

/// Whether a key could be one of a function whose keys are shared with other programs.
pub(crate) fn is_raw_key(key: &[u8]) -> bool {
    static RAW: OnceLock<Vec<&'static Site>> = OnceLock::new();
    let raw = RAW.get_or_init(|| registry().iter().copied().filter(|site| site.is_raw()).collect());
    raw.iter().any(|site| site.template().matches(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Piece::{Hole, Text};

    #[test]
    fn of_what_the_key_does_not_tell_apart_the_first_is_admitted() {
        let site =
            Site::new(SiteSpec { template: Template(&[Text("user:"), Hole("id")]), ..SiteSpec::PLAIN });
        assert!(site.admits(Some("Repo")) && site.admits(Some("Repo")));
        assert!(!site.admits(Some("Other")));
        assert!(site.admits(None));
    }

    #[test]
    fn what_another_process_admitted_is_of_another_version() {
        let site = || Site::new(SiteSpec { version: 2, ..SiteSpec::PLAIN });
        let (ours, theirs, plain) = (site(), site(), site());
        assert!(ours.admits(Some("Repo")) && theirs.admits(Some("Other")));
        assert_ne!(ours.version(), theirs.version());
        assert_eq!(plain.version(), 2);
    }
}
