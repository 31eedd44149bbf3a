//! One static for each annotated function: what it is, and what it has done; and the list of all.

mod collisions;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::key::Template;
use crate::policy::Jitter;
use collisions::refused_sites;

pub use collisions::{Shares, check_registry};

/// An annotated function.
#[derive(Debug)]
pub struct Site {
    spec: SiteSpec,
    stats: Counters,
    warned: AtomicBool,
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
    /// What is stored by another version is not read.
    pub version: u32,
    /// Whether its values never leave this process.
    pub is_local: bool,
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
        jitter: Jitter::DEFAULT,
        version: 0,
        is_local: false,
        shares: None,
    };
}

impl Site {
    /// The site of a function.
    pub const fn new(spec: SiteSpec) -> Self {
        Self { spec, stats: Counters::new(), warned: AtomicBool::new(false) }
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

    /// Says, once, why it does not cache.
    pub(crate) fn warn_disabled(&'static self) {
        if !refused_sites().is_empty()
            && !self.warned.swap(true, Ordering::Relaxed)
            && let Some(refused) = refused_sites().iter().find(|refused| std::ptr::eq(refused.site, self))
        {
            crate::trace::warn_once(&refused.error());
        }
    }

    pub(crate) fn version(&self) -> u32 {
        self.spec.version
    }

    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.spec.is_local
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
    /// Ran the body, and its output is not one that is cached: an error, a `None`, or what `unless` keeps out.
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
