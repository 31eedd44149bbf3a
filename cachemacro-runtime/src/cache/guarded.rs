//! Keys that one writer guards, from before its commit to after it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cache::invalidate::{Near, Scope, remove, remove_later};
use crate::cache::sweep::{sweep, sweep_later};
use crate::cache::{Cache, Cause, Subject};
use crate::error::Result;
use crate::journal::{Doomed, GuardEnd};
use crate::key::Key;
use crate::mutants::{self, Mutant};
use crate::site::{self, Site};
use crate::store::{Lease, Pattern, Token};
use crate::tag::{self, Tag};
use crate::tier::Tier;

/// Keys of one cache that are about to change, with the guard that they are under.
///
/// Dropped, they are invalidated in the background: the writer may have committed.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) cache: Cache,
    pub(super) scope: Scope,
    targets: Vec<Doom>,
    /// What cannot be guarded, as its keys are not known.
    patterns: Vec<Pattern>,
    guard: Option<Held>,
}

/// A key that is to be invalidated.
#[derive(Debug)]
pub(super) struct Doom {
    pub(super) key: Key,
    pub(super) site: Option<&'static Site>,
    pub(super) cause: Cause,
}

/// A guard that stands, or may.
#[derive(Debug)]
struct Held {
    token: Token,
    keys: Arc<[Arc<[u8]>]>,
    /// Whether the store said that it stands.
    is_certain: bool,
}

impl Held {
    fn end(self) -> GuardEnd {
        GuardEnd { token: self.token, is_certain: self.is_certain }
    }
}

impl Guarded {
    pub(super) fn new(cache: Cache, scope: Scope) -> Self {
        Self { cache, scope, targets: Vec::new(), patterns: Vec::new(), guard: None }
    }

    pub(super) fn push(&mut self, doom: Doom) {
        self.targets.push(doom);
    }

    pub(super) fn push_pattern(&mut self, pattern: Pattern) {
        self.patterns.push(pattern);
    }

    pub(super) fn tier(&self) -> &Tier {
        match self.scope {
            Scope::All => self.cache.tier(),
            Scope::Local => self.cache.local(),
        }
    }

    /// Begins the guard.
    ///
    /// # Errors
    ///
    /// If it is not known to stand. It may all the same, and is ended with the rest.
    pub(super) async fn begin(&mut self) -> Result<()> {
        if self.targets.is_empty() || mutants::is(Mutant::NothingGuarded) {
            return Ok(());
        }
        let token = self.tier().token();
        // A raw key has no guard: another program would read it as a value.
        let guarded = self.targets.iter().filter(|doom| !self.is_shared() || !doom.is_raw());
        let keys: Vec<&[u8]> = guarded.map(|doom| doom.key.as_bytes()).collect();
        let epochs = match mutants::is(Mutant::EpochUnguarded) {
            true => Vec::new(),
            false => tag::epochs(keys.iter().copied()),
        };
        let keys: Arc<[Arc<[u8]>]> = epochs.iter().map(Tag::as_bytes).chain(keys).map(Arc::from).collect();
        if keys.is_empty() {
            return Ok(());
        }
        // Before it is sent: a drop ends it then.
        let held = self.guard.insert(Held { token, keys, is_certain: false });
        let keys: Vec<&[u8]> = held.keys.iter().map(|key| &**key).collect();
        let lease = Lease { token, ttl: self.cache.inner.settings.guard };
        match self.scope {
            Scope::All => self.cache.tier().begin(&keys, lease).await?,
            Scope::Local => self.cache.local().begin(&keys, lease).await?,
        }
        held.is_certain = true;
        Ok(())
    }

    /// A key that cannot be guarded, if there is one.
    pub(super) fn unguardable(&self) -> Option<&Key> {
        let raw = self.targets.iter().find(|doom| doom.is_raw())?;
        self.is_shared().then_some(&raw.key)
    }

    fn is_shared(&self) -> bool {
        matches!(self.tier(), Tier::Shared(_))
    }

    /// The guard, if the store said that it stands.
    pub(super) fn certain(&self) -> Option<Token> {
        self.guard
            .as_ref()
            .filter(|held| held.is_certain || mutants::is(Mutant::PutAfterUncertainBegin))
            .map(|held| held.token)
    }

    /// Keeps the guard; to be called every third of its time.
    fn renew(&self) {
        if mutants::is(Mutant::GuardNotRenewed) {
            return;
        }
        if let Some(Held { token, keys, .. }) = &self.guard {
            self.tier().renew_guards(keys, Lease { token: *token, ttl: self.cache.inner.settings.guard });
        }
    }

    /// Keeps the guard by a task of its own, until what this returns is dropped.
    pub(super) fn keep(&self) -> Option<DropGuard> {
        let period = self.renew_every()?;
        let Held { token, keys, .. } = self.guard.as_ref()?;
        let (tier, keys) = (self.tier().clone(), Arc::clone(keys));
        let guard = Lease { token: *token, ttl: self.cache.inner.settings.guard };
        let over = CancellationToken::new();
        let until = over.clone();
        self.cache.inner.tasks.spawn_until_closed(async move {
            let renew = async {
                loop {
                    tokio::time::sleep(period).await;
                    if mutants::is(Mutant::GuardNotRenewed) {
                        continue;
                    }
                    tier.renew_guards(&keys, guard);
                }
            };
            until.run_until_cancelled(renew).await;
        });
        Some(over.drop_guard())
    }

    /// How long until the guard is to be renewed; `None` if there is none.
    fn renew_every(&self) -> Option<Duration> {
        self.guard.as_ref().map(|_| self.cache.inner.settings.guard / 3)
    }

    /// Runs what changes the keys, and keeps the guard meanwhile.
    pub(super) async fn run<F: Future>(&self, body: Pin<&mut F>) -> F::Output {
        run(std::slice::from_ref(self), body).await
    }

    /// The first key, of which there is one.
    pub(super) fn only_key(&self) -> Arc<[u8]> {
        self.targets.first().map_or_else(Default::default, |doom| doom.key.as_bytes().into())
    }

    /// Ends the guard and invalidates the keys. What the store does not take is kept by the cache, and
    /// tried again.
    pub(super) async fn finish(mut self) -> Result<()> {
        let targets = std::mem::take(&mut self.targets);
        let doomed: Vec<_> = targets.iter().map(Doom::as_doomed).collect();
        let guard = self.guard.take().map(Held::end);
        let removed = match doomed.is_empty() {
            true => Ok(()),
            false => remove(&self.cache, self.scope, &doomed, guard).await,
        };
        if removed.is_ok() {
            targets.iter().for_each(|doom| self.report(doom));
        }
        while let Some(pattern) = self.patterns.pop() {
            sweep(&self.cache, &pattern, &mut |_| {}).await?;
            self.cache.inner.hooks.call(Subject::Pattern(&pattern), Cause::Mutation(None));
        }
        removed
    }

    /// Takes the one key out that was put; the guard is ended by that.
    pub(super) fn put(mut self) {
        self.guard = None;
        let targets = std::mem::take(&mut self.targets);
        let doomed: Vec<_> = targets.iter().map(Doom::as_doomed).collect();
        if self.scope == Scope::All {
            drop(Near { cache: &self.cache, scope: self.scope, doomed: &doomed, guard: None });
        }
        targets.iter().for_each(|doom| self.report(doom));
    }

    /// Forgets it all: nothing is invalidated.
    pub(super) fn forget(mut self) {
        self.targets.clear();
        self.patterns.clear();
    }

    fn report(&self, doom: &Doom) {
        match Tag::of_key(doom.key.as_bytes()) {
            Some(tag) => self.cache.inner.hooks.call(Subject::Tag(&tag), doom.cause),
            None => self.cache.inner.hooks.call(Subject::Key(&doom.key), doom.cause),
        }
    }
}

/// Runs what changes the keys, and keeps their guards meanwhile.
pub(super) async fn run<F: Future>(groups: &[Guarded], mut body: Pin<&mut F>) -> F::Output {
    let Some(period) = groups.iter().filter_map(Guarded::renew_every).min() else {
        return body.await;
    };
    loop {
        match tokio::time::timeout(period, body.as_mut()).await {
            Ok(output) => return output,
            Err(_) => groups.iter().for_each(Guarded::renew),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if mutants::is(Mutant::DropForgotten) {
            return;
        }
        for pattern in self.patterns.drain(..) {
            if sweep_later(&self.cache, &pattern) {
                self.cache.inner.hooks.call(Subject::Pattern(&pattern), Cause::Mutation(None));
            }
        }
        if self.targets.is_empty() {
            return;
        }
        let targets = std::mem::take(&mut self.targets);
        let doomed: Vec<_> = targets.iter().map(Doom::as_doomed).collect();
        let guard = self.guard.take().map(Held::end);
        if remove_later(&self.cache, self.scope, &doomed, guard) {
            targets.iter().for_each(|doom| self.report(doom));
        }
    }
}

impl Doom {
    /// Whether other programs read and write the key.
    fn is_raw(&self) -> bool {
        match self.site {
            Some(site) => site.is_raw(),
            None => site::is_raw_key(self.key.as_bytes()),
        }
    }

    fn as_doomed(&self) -> Doomed<'_> {
        Doomed { key: self.key.as_bytes(), site: self.site }
    }
}
