//! What a cache is told of functions and classes while the program runs, beside their attributes.

#[cfg(feature = "tuning-file")]
pub(super) mod file;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::form::VALUE_BYTES_MAX;
use crate::policy::{CLASSES, Policy, TTL_MAX, TTL_MIN, TtlClass, Windows};
use crate::site::{Site, registry};

/// What the values of one function may take of this process, in bytes; the attribute's bounds are the same.
const MEMORY_MIN: u64 = 64 << 10;
const MEMORY_MAX: u64 = 64 << 30;

/// What is said of a function in place of its attribute; what is not said stays as it is.
///
/// It concerns what is stored from now on. Staleness can be set for a function whose attribute has it, and
/// applies at once to what is stored, but no store keeps an entry longer than was asked at its fill.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cachemacro_runtime::cache::Tuning;
///
/// let tuning = Tuning::new().ttl(Duration::from_secs(60)).value_bytes_max(64 << 10);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    ttl: Option<Duration>,
    stale_while_revalidate: Option<Duration>,
    stale_if_error: Option<Duration>,
    value_bytes_max: Option<usize>,
    memory: Option<u64>,
}

impl Tuning {
    /// Everything as the attribute has it.
    pub const fn new() -> Self {
        Self {
            ttl: None,
            stale_while_revalidate: None,
            stale_if_error: None,
            value_bytes_max: None,
            memory: None,
        }
    }

    /// How long its values live: 1 ms to 10 years. A `None` keeps its `negative_ttl`.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long past its ttl a value is served while it is refreshed; zero is not at all.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = Some(window);
        self
    }

    /// How long past its ttl a value is served when its load fails; zero is not at all.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = Some(window);
        self
    }

    /// The largest value that is stored, in bytes: 1 to 8 MiB.
    #[must_use]
    pub const fn value_bytes_max(mut self, bytes: usize) -> Self {
        self.value_bytes_max = Some(bytes);
        self
    }

    /// How many bytes of this process its values may take: 64 KiB to 64 GiB, of a function whose attribute has a
    /// `memory`. It applies at once, and concerns what is stored as well.
    #[must_use]
    pub const fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Whether it can be said of the functions of this name.
    fn check(&self, name: &str) -> Result<()> {
        let mut sites = registry().iter().filter(|site| site.name() == name).peekable();
        if sites.peek().is_none() {
            return Err(config(format!("no cached function has the name `{name}`")));
        }
        if self.ttl.is_some_and(|ttl| !(TTL_MIN..=TTL_MAX).contains(&ttl)) {
            return Err(config(format!("the ttl of `{name}` is not from 1 ms to 10 years")));
        }
        if self.value_bytes_max.is_some_and(|bytes| !(1..=VALUE_BYTES_MAX).contains(&bytes)) {
            return Err(config(format!("the largest value of `{name}` is not from 1 byte to 8 MiB")));
        }
        if let Some(bytes) = self.memory {
            if !(MEMORY_MIN..=MEMORY_MAX).contains(&bytes) {
                return Err(config(format!("the memory of `{name}` is not from 64 KiB to 64 GiB")));
            }
            if sites.clone().any(|site| site.memory().is_none()) {
                let detail = format!(
                    "`{name}` has no `memory` in its attribute, where its room is made; add it there"
                );
                return Err(config(detail));
            }
        }
        let windows = [
            ("stale_while_revalidate", self.stale_while_revalidate),
            ("stale_if_error", self.stale_if_error),
        ];
        for (which, window) in windows {
            let Some(window) = window else { continue };
            if window > TTL_MAX {
                return Err(config(format!("the `{which}` of `{name}` is over 10 years")));
            }
            let has = |policy: Policy| match which {
                "stale_while_revalidate" => !policy.windows.revalidate.is_zero(),
                _ => !policy.windows.if_error.is_zero(),
            };
            if sites.clone().any(|site| !has(site.policy())) {
                let detail = format!(
                    "`{name}` has no `{which}` in its attribute, where its code is made; add it there"
                );
                return Err(config(detail));
            }
        }
        Ok(())
    }
}

/// What was told of classes and functions, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(super) classes: HashMap<String, TtlClass>,
    pub(super) functions: HashMap<String, Tuning>,
}

impl Told {
    /// Whether all of it can be said.
    pub(super) fn check(&self) -> Result<()> {
        self.classes.iter().try_for_each(|(name, class)| check_class(name, *class))?;
        self.functions.iter().try_for_each(|(name, tuning)| tuning.check(name))
    }
}

/// What a cache was told: by the program, and by its file, which goes before.
#[derive(Debug, Default)]
pub(crate) struct Tunings {
    /// Whether anything was ever told: most programs tell nothing, and then nobody looks.
    is_any: AtomicBool,
    // Read by a load, never by a hit.
    told: RwLock<[Told; 2]>,
    /// Why the file was refused, if it was.
    #[cfg(feature = "tuning-file")]
    refused: std::sync::Mutex<Option<String>>,
}

/// Who told it; the later goes before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Program,
    #[cfg(feature = "tuning-file")]
    File,
}

impl Tunings {
    pub(super) fn new(told: Told) -> Self {
        let tunings = Self::default();
        if told != Told::default() {
            tunings.update(By::Program, |all| *all = told);
        }
        tunings
    }

    /// Changes what was told.
    pub(super) fn update(&self, by: By, change: impl FnOnce(&mut Told)) {
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut told[by as usize]);
        self.is_any.store(true, Ordering::Relaxed);
    }

    pub(super) fn ttl(&self, name: &str) -> Option<Duration> {
        self.find(|told| told.functions.get(name)?.ttl)
    }

    pub(super) fn windows(&self, name: &str, said: Windows) -> Windows {
        if !self.is_any.load(Ordering::Relaxed) {
            return said;
        }
        let revalidate = self.find(|told| told.functions.get(name)?.stale_while_revalidate);
        let if_error = self.find(|told| told.functions.get(name)?.stale_if_error);
        Windows {
            revalidate: revalidate.unwrap_or(said.revalidate),
            if_error: if_error.unwrap_or(said.if_error),
        }
    }

    pub(super) fn value_bytes_max(&self, name: &str, said: usize) -> usize {
        self.find(|told| told.functions.get(name)?.value_bytes_max).unwrap_or(said)
    }

    /// How many bytes of this process the values of a function may take, if they have a room of their own.
    pub(super) fn memory(&self, site: &Site) -> Option<u64> {
        let said = site.memory()?;
        Some(self.find(|told| told.functions.get(site.name())?.memory).unwrap_or(said))
    }

    /// A class of this name: one that was told, or one that every cache has.
    pub(super) fn class(&self, name: &str) -> Option<TtlClass> {
        let own = || CLASSES.iter().find(|(class, _)| *class == name).map(|(_, class)| *class);
        self.find(|told| told.classes.get(name).copied()).or_else(own)
    }

    /// What is to be known of it: why the file was refused.
    pub(super) fn notes(&self) -> Option<String> {
        #[cfg(feature = "tuning-file")]
        return self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        #[cfg(not(feature = "tuning-file"))]
        None
    }

    fn find<T>(&self, of: impl Fn(&Told) -> Option<T>) -> Option<T> {
        if !self.is_any.load(Ordering::Relaxed) {
            return None;
        }
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        told.iter().rev().find_map(of)
    }
}

/// Whether values of a class can live so.
pub(super) fn check_class(name: &str, class: TtlClass) -> Result<()> {
    let is_ttl = |ttl: Duration| (TTL_MIN..=TTL_MAX).contains(&ttl);
    match class {
        TtlClass::Fixed(ttl) if is_ttl(ttl) => Ok(()),
        TtlClass::Computed { times: 1.., min, max } if is_ttl(min) && is_ttl(max) && min <= max => Ok(()),
        _ => Err(config(format!("the class `{name}` has a ttl that is not from 1 ms to 10 years"))),
    }
}

/// Checks that a program's functions name classes that there are.
pub(super) fn check_classes(tunings: &Tunings) -> Result<()> {
    for site in registry() {
        if let Some(class) = site.policy().ttl_class
            && tunings.class(class).is_none()
        {
            let detail = format!(
                "{site} is of the class `{class}`, which this cache does not have; set it by `CacheBuilder::ttl_class`"
            );
            return Err(config(detail));
        }
    }
    Ok(())
}

impl super::Cache {
    /// Says something of the functions of a name in place of their attributes, from now on; what was said of
    /// them before is replaced, and [`Tuning::new`] takes it back.
    ///
    /// The name is the function's, or the `name` of its attribute.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if no function has this name, or it cannot be said of one that has: nothing is
    /// changed then.
    pub fn tune(&self, name: &str, tuning: Tuning) -> Result<()> {
        tuning.check(name)?;
        self.inner.tunings.update(By::Program, |told| {
            told.functions.insert(name.to_owned(), tuning);
        });
        self.inner.resize();
        Ok(())
    }

    /// Sets how long the values of a class live that are stored from now on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is not from 1 ms to 10 years.
    pub fn set_ttl_class(&self, name: &str, class: TtlClass) -> Result<()> {
        check_class(name, class)?;
        self.inner.tunings.update(By::Program, |told| {
            told.classes.insert(name.to_owned(), class);
        });
        Ok(())
    }
}

pub(super) fn config(detail: String) -> Error {
    Error::new(ErrorKind::Config, "tuning", detail)
}
