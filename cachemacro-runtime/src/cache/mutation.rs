//! A mutation: what it changes is guarded before its body, and invalidated on every path out of it.

use std::pin::Pin;

use tokio_util::sync::DropGuard;

use crate::cache::guarded::{self, Doom, Guarded};
use crate::cache::invalidate::Scope;
use crate::cache::{Cache, Cause, Pending, Resolved, Target, Targets};
use crate::error::{Error, ErrorKind, Result};
use crate::mutants::{self, Mutant};
use crate::outcome::Outcome;
use crate::site::TAGS;
use crate::tier::Tier;

/// When a mutation invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever the outcome: an error, a panic or a dropped future may have committed too.
    Any,
    /// Only if it returned, and not an error. Nothing is guarded then.
    Ok,
}

/// Whether keys are guarded while they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guards {
    /// Where the store can be asked; the mutation runs in any case.
    Tried,
    /// Or else the mutation does not run.
    Required,
    /// Not at all.
    Off,
}

/// What a mutation is to invalidate, from before its body to the end, on every path.
///
/// Dropped before its end, it is carried out in the background: a panic or a dropped future may have
/// committed.
#[derive(Debug)]
pub struct Invalidation {
    groups: Vec<Guarded>,
    on: On,
    guards: Guards,
    /// Whether it is to be carried out as things are: on a drop now, say.
    due: bool,
}

impl Invalidation {
    /// What is known before the body.
    pub fn armed(targets: Vec<Targets>, on: On, guards: Guards) -> Self {
        let mut armed = Self { groups: Vec::new(), on, guards, due: on == On::Any };
        armed.add(targets, 0);
        armed
    }

    /// Guards what is known before the body, where guards are required.
    ///
    /// # Errors
    ///
    /// If not all of them are known to stand. The mutation must not run then.
    pub async fn begin(&mut self) -> Result<()> {
        for group in &mut self.groups {
            begin(group, self.guards).await?;
        }
        Ok(())
    }

    /// Guards it where that is not required, and can be done.
    async fn try_begin(&mut self) {
        if self.guards != Guards::Tried || self.on == On::Ok {
            return;
        }
        for group in &mut self.groups {
            if let Err(error) = begin(group, self.guards).await {
                crate::trace::warn_unguarded(&error);
            }
        }
    }

    /// Adds targets to the groups from `first` on; one for each cache, nearly always there is one.
    fn add(&mut self, targets: Vec<Targets>, first: usize) {
        for targets in targets {
            match targets {
                Targets::One(Target { site, cache, key }) => {
                    let doom = Doom { key, site, cause: Cause::Mutation(site) };
                    self.group(cache, Scope::of(site), first).push(doom);
                }
                Targets::Tagged { cache, tag } => {
                    let doom =
                        Doom { key: tag.key().clone(), site: Some(&TAGS), cause: Cause::Mutation(None) };
                    self.group(cache, Scope::All, first).push(doom);
                }
                Targets::Matching { cache, pattern } => {
                    self.group(cache, Scope::All, first).push_pattern(pattern);
                }
            }
        }
    }

    /// The group of a cache, among those from `first` on.
    fn group(&mut self, cache: Option<Cache>, scope: Scope, first: usize) -> &mut Guarded {
        let cache = Cache::clone(&Resolved::new(cache));
        let at = self.groups[first..].iter().position(|group| group.scope == scope && group.cache.is(&cache));
        let at = at.map_or(self.groups.len(), |at| first + at);
        if at == self.groups.len() {
            self.groups.push(Guarded::new(cache, scope));
        }
        &mut self.groups[at]
    }

    /// Adds what is known after the body, beside what is guarded.
    fn extend(&mut self, late: Vec<Targets>) {
        self.add(late, self.groups.len());
    }

    /// Keeps the guards by tasks of their own, until what this returns is dropped.
    pub(super) fn keep(&self) -> Vec<DropGuard> {
        self.groups.iter().filter_map(Guarded::keep).collect()
    }

    /// Carries it out. What a store does not take is kept by the cache, and tried again.
    pub(super) async fn carry_out(mut self) {
        self.due = true;
        while let Some(group) = self.groups.pop() {
            if let Err(error) = group.finish().await {
                crate::trace::warn_undelivered(&error);
            }
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if !self.due {
            self.groups.drain(..).for_each(Guarded::forget);
        }
    }
}

/// Guards keys, where they are shared: what is in this process ends with the process.
async fn begin(group: &mut Guarded, guards: Guards) -> Result<()> {
    if guards == Guards::Required {
        guardable(group)?;
    }
    match group.tier() {
        Tier::Local(_) => Ok(()),
        Tier::Shared(l2) if guards == Guards::Tried && !l2.store().capabilities().guards => Ok(()),
        Tier::Shared(_) => group.begin().await,
    }
}

/// Refuses keys that other programs read, as they would read a guard as a value.
pub(super) fn guardable(group: &Guarded) -> Result<()> {
    let Some(key) = group.unguardable() else { return Ok(()) };
    let detail = "a guard is required, and other programs would read it as a value; leave `guard = required` \
                  out, or `Raw`";
    Err(Error::new(ErrorKind::Config, "begin of a guard", detail).with_key(key.as_bytes()))
}

/// Runs the body of a mutation, and then invalidates, on every path.
pub(crate) async fn invalidating<O, F, L>(
    mut invalidation: Invalidation,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Targets>,
{
    invalidation.try_begin().await;
    let output = guarded::run(&invalidation.groups, body).await;
    let value = O::value(&output);
    if let Some(value) = value {
        invalidation.due = true;
        invalidation.extend(late(value));
    } else if mutants::is(Mutant::ErrorForgotten) {
        invalidation.due = false;
        return output;
    }
    if value.is_some() || invalidation.on == On::Any {
        invalidation.carry_out().await;
    }
    output
}

/// Runs a mutation that is part of a transaction: what it changes stays guarded until that has committed.
pub(crate) async fn invalidating_at_commit<O, F, L>(
    mut invalidation: Invalidation,
    pending: Pending,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Targets>,
{
    let guards = invalidation.guards;
    invalidation.try_begin().await;
    let mut early = None;
    match mutants::is(Mutant::PendingEndsEarly) {
        true => early = Some(invalidation),
        false => pending.hold(invalidation),
    }
    let output = body.await;
    if let Some(early) = early {
        early.carry_out().await;
    }
    if let Some(value) = O::value(&output) {
        let targets = late(value);
        if !targets.is_empty() {
            // The commit is still to come: what is known only now can be guarded yet.
            let mut known_late = Invalidation::armed(targets, On::Any, guards);
            known_late.try_begin().await;
            pending.hold(known_late);
        }
    }
    output
}

/// What a mutation returns whose guards are required, and could not be had.
#[diagnostic::on_unimplemented(
    message = "`guard = required` needs a way to fail, and `{Self}` has none",
    label = "not a `Result` whose error is made from a `cachemacro::Error`",
    note = "return a `Result<_, E>` where `E: From<cachemacro::Error>`, or leave `guard = required` out"
)]
pub trait Refusable {
    /// The failure.
    fn refused(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Error>> Refusable for Result<T, E> {
    fn refused(error: Error) -> Self {
        Err(error.into())
    }
}

impl Cache {
    fn is(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.inner, &other.inner)
    }
}
