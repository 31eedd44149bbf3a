//! Which cache a call uses: the named one, the scope's, the installed one, or the embedded default.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};

use crate::cache::Cache;
use crate::error::{Error, ErrorKind, Result};

static INSTALLED: OnceLock<Cache> = OnceLock::new();
static EMBEDDED: LazyLock<Cache> = LazyLock::new(Cache::memory);

/// Whether any scope was ever entered: most programs have none, and then no call looks for one.
static SCOPED: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static SCOPE: Cache;
}

/// The cache of one call; a process-wide one is not cloned.
pub(crate) enum Resolved {
    Static(&'static Cache),
    Owned(Cache),
}

impl Resolved {
    /// The named one, or else the current one.
    #[inline]
    pub(crate) fn new(named: Option<Cache>) -> Self {
        if let Some(named) = named {
            return Self::Owned(named);
        }
        if let Some(scope) = scoped() {
            return Self::Owned(scope);
        }
        Self::Static(of_process())
    }
}

/// The named cache, or else that of the process; `None` if a scope may have another.
#[inline]
pub(crate) fn known(named: Option<&Cache>) -> Option<&Cache> {
    match named {
        None if SCOPED.load(Ordering::Relaxed) => None,
        None => Some(of_process()),
        named => named,
    }
}

#[inline]
fn of_process() -> &'static Cache {
    INSTALLED.get().unwrap_or_else(|| &EMBEDDED)
}

impl Deref for Resolved {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        match self {
            Self::Static(cache) => cache,
            Self::Owned(cache) => cache,
        }
    }
}

pub(super) fn install(cache: Cache) -> Result<()> {
    INSTALLED.set(cache).map_err(|_| {
        let detail = "one is installed already; install once, at the start of the program";
        Error::new(ErrorKind::AlreadyInstalled, "install of a cache", detail)
    })
}

/// The cache of the scope that this runs in.
pub(super) fn scoped() -> Option<Cache> {
    if !SCOPED.load(Ordering::Relaxed) {
        return None;
    }
    SCOPE.try_with(Cache::clone).ok()
}

pub(super) async fn scope<F: Future>(cache: Cache, future: F) -> F::Output {
    SCOPED.store(true, Ordering::Relaxed);
    SCOPE.scope(cache, future).await
}
