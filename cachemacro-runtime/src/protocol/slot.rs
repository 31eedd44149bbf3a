//! What a store holds under one key, and what each step of the protocol makes of it.
//!
//! | step | absent | leased | filled | guarded |
//! |---|---|---|---|---|
//! | [`look_up`] | leased, if asked | | | |
//! | [`fill`] | | filled, under its token | filled, in place of its fill | |
//! | [`renew`], [`release`] | | under its token | | |
//! | [`discard`] | | | absent, if it is of this fill | |
//! | [`touch`] | | | under its fill | |
//! | [`invalidate`] | | absent | absent | carries nothing, and is overlapped |
//! | [`begin`] | guarded | guarded | guarded, and carries the value | one guard more, overlapped, and carries nothing |
//! | [`renew_guard`] | | | | under its token |
//! | [`end`] | | absent | absent | one guard less; the last one: absent |
//! | [`put`] | | absent | absent | the same; the only one ever: filled |
//!
//! Nothing written means that nothing changes. Whatever is past its time counts as absent.
//!
//! A guard says that a mutation is under way: what is loaded now may be old as soon as it is stored,
//! so nothing is. The value from before may still be served, as nobody was told otherwise yet, and is
//! over with the one guard that carries it. A second guard drops it: a reader who does not know the
//! time could not tell that one of the two has run out, whose writer may have committed and crashed.
//!
//! The functions decide and change nothing: whoever calls them puts what is [`Next`] in the place of
//! what was there, with nothing in between. `now` is theirs to say, and so is what a time is.

use std::time::Duration;

use super::token::{Permit, PutVerdict, Token, Verdict};
use crate::mutants::{self, Mutant};

/// A value that counts for more bytes than this is not carried by guards.
pub(crate) const CARRIED_BYTES_MAX: u64 = 64 << 10;

/// How many guards one key may hold; past it, [`begin`] refuses.
pub(crate) const GUARDS_MAX: usize = 1024;

/// What is under a key, if anything is. `V` is a value, `M` a moment.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slot<V, M> {
    /// Someone loads it, and may fill until this moment.
    Leased { token: Token, until: M },
    /// A value.
    Filled(Held<V, M>),
    /// Writers are at work. Boxed, as it is rare and would make every other slot larger.
    Guarded(Box<Guarded<V, M>>),
}

/// A value and what is known of its fill.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held<V, M> {
    pub(crate) value: V,
    pub(crate) fill_id: Token,
    pub(crate) ttl: Duration,
    /// When it was filled.
    pub(crate) filled: M,
    /// Until when it serves those who know of nothing past a ttl; no later than `until`.
    pub(crate) serves_until: M,
    pub(crate) until: M,
    /// The bytes it counts for, beside its key and the overhead.
    pub(crate) bytes: u64,
}

/// The guards of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guarded<V, M> {
    /// One for each writer, none of them twice. Never empty under a key.
    pub(crate) guards: Vec<Guard<M>>,
    /// The value from before, while there is one guard alone.
    pub(crate) carried: Option<Held<V, M>>,
    /// Whether anything came between: another writer, or an invalidation. A put then writes nothing,
    /// as nobody knows whose commit was the last.
    pub(crate) overlapped: bool,
}

/// One writer's guard, until it is ended or its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guard<M> {
    pub(crate) token: Token,
    pub(crate) until: M,
}

/// What is to be under the key now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<V, M> {
    /// What is there already, or nothing still.
    Stay,
    /// This.
    Become(Slot<V, M>),
    /// Nothing.
    Vanish,
}

/// What a lookup found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sighting<V, M> {
    Hit(Held<V, M>),
    /// Nothing; the lease that was asked for is held now.
    Lead,
    /// Somebody else's lease.
    Busy,
    /// Nothing, and no lease was asked for.
    Absent,
    /// Writers are at work; the value from before them may be served.
    Guarded(Option<Held<V, M>>),
}

/// Whether a guard stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    Guarded,
    /// The key has all the guards that it may have.
    Crowded,
}

/// Finds a value, or takes `lease` on what is absent.
pub(crate) fn look_up<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    lease: Option<Guard<M>>,
    now: M,
) -> (Next<V, M>, Sighting<V, M>) {
    let sighting = match slot {
        Some(Slot::Filled(held)) if held.until > now => Sighting::Hit(held.clone()),
        Some(Slot::Leased { until, .. }) if *until > now => match lease {
            Some(_) => Sighting::Busy,
            None => Sighting::Absent,
        },
        Some(Slot::Guarded(guarded)) if guarded.until() > now => {
            Sighting::Guarded(guarded.carried_at(now).cloned())
        }
        _ => match lease {
            Some(Guard { token, until }) => {
                return (Next::Become(Slot::Leased { token, until }), Sighting::Lead);
            }
            None => Sighting::Absent,
        },
    };
    (Next::Stay, sighting)
}

/// Puts a value where its permit still stands.
pub(crate) fn fill<V, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    permit: Permit,
    held: impl FnOnce() -> Held<V, M>,
    now: M,
) -> (Next<V, M>, Verdict) {
    match slot {
        _ if mutants::is(Mutant::RefreshIgnoresInvalidation) && matches!(permit, Permit::Replace(_)) => {
            (Next::Become(Slot::Filled(held())), Verdict::Accepted)
        }
        _ if mutants::is(Mutant::FillIsPlainSet) => (Next::Become(Slot::Filled(held())), Verdict::Accepted),
        Some(slot) if slot.permits(permit, now) => (Next::Become(Slot::Filled(held())), Verdict::Accepted),
        _ => (Next::Stay, Verdict::Refused),
    }
}

/// Moves the end of a lease that is still held.
pub(crate) fn renew<V, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    Guard { token, until }: Guard<M>,
    now: M,
) -> (Next<V, M>, Verdict) {
    match slot {
        Some(slot) if slot.permits(Permit::Lease(token), now) => {
            (Next::Become(Slot::Leased { token, until }), Verdict::Accepted)
        }
        _ => (Next::Stay, Verdict::Refused),
    }
}

/// Moves the end of a value that still stands.
pub(crate) fn touch<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    fill_id: Token,
    (serves_until, until): (M, M),
    now: M,
) -> (Next<V, M>, Verdict) {
    match slot {
        Some(slot @ Slot::Filled(held)) if slot.permits(Permit::Replace(fill_id), now) => {
            let moved = Held { serves_until, until, ..held.clone() };
            (Next::Become(Slot::Filled(moved)), Verdict::Accepted)
        }
        _ => (Next::Stay, Verdict::Refused),
    }
}

/// Gives a lease up that is still held.
pub(crate) fn release<V, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    token: Token,
    now: M,
) -> (Next<V, M>, Verdict) {
    match slot {
        Some(slot) if slot.permits(Permit::Lease(token), now) => (Next::Vanish, Verdict::Accepted),
        _ => (Next::Stay, Verdict::Refused),
    }
}

/// Removes a value, if it is still that of this fill.
pub(crate) fn discard<V, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    fill_id: Token,
    now: M,
) -> (Next<V, M>, Verdict) {
    match slot {
        Some(slot) if slot.permits(Permit::Replace(fill_id), now) => (Next::Vanish, Verdict::Accepted),
        _ => (Next::Stay, Verdict::Refused),
    }
}

/// Removes a value, also a carried one, or takes a lease away; says whether there was any.
///
/// Guards stay: what their writers commit is still to come.
pub(crate) fn invalidate<V: Clone, M: Copy + Ord>(slot: Option<&Slot<V, M>>, now: M) -> (Next<V, M>, bool) {
    match slot {
        None => (Next::Stay, false),
        Some(Slot::Guarded(_)) if mutants::is(Mutant::InvalidationRemovesGuards) => (Next::Vanish, true),
        Some(Slot::Guarded(guarded)) => {
            let Some(left) = guarded.at(now) else { return (Next::Vanish, false) };
            let carried = left.carried.is_some();
            let overlapped = left.overlapped || !mutants::is(Mutant::InvalidationNotNoted);
            (Guarded { carried: None, overlapped, ..left }.into_next(), carried)
        }
        Some(slot) => (Next::Vanish, slot.until() > now),
    }
}

/// Adds a writer's guard. One that is there already gets the new end, and nothing else changes: the
/// writer did not hear the answer and asks again.
pub(crate) fn begin<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    guard: Guard<M>,
    now: M,
) -> (Next<V, M>, Begun) {
    let mut guarded = standing(slot, now).unwrap_or_else(|| Guarded {
        guards: Vec::with_capacity(1),
        carried: match slot {
            Some(Slot::Filled(held)) if held.until > now && held.bytes <= CARRIED_BYTES_MAX => {
                Some(held.clone())
            }
            _ => None,
        },
        overlapped: false,
    });
    if !guarded.move_end(guard) {
        if guarded.guards.len() >= GUARDS_MAX {
            return (Next::Stay, Begun::Crowded);
        }
        if mutants::is(Mutant::OneGuardSlot) {
            guarded.guards.clear();
        }
        if !guarded.guards.is_empty() {
            guarded.overlapped |= !mutants::is(Mutant::NoOverlapFlag);
            guarded.carried = guarded.carried.filter(|_| mutants::is(Mutant::CarriedValueKept));
        }
        guarded.guards.push(guard);
    }
    (guarded.into_next(), Begun::Guarded)
}

/// Moves the end of a guard that still stands.
pub(crate) fn renew_guard<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    guard: Guard<M>,
    now: M,
) -> (Next<V, M>, Verdict) {
    match standing(slot, now) {
        Some(mut guarded) => match guarded.move_end(guard) {
            true => (guarded.into_next(), Verdict::Accepted),
            false => (Next::Stay, Verdict::Refused),
        },
        None => (Next::Stay, Verdict::Refused),
    }
}

/// Ends a guard. If it is no longer there, the key is invalidated: what was loaded since it was lost
/// may be older than the commit that it was to cover.
pub(crate) fn end<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    token: Token,
    now: M,
) -> (Next<V, M>, Verdict) {
    match standing(slot, now).and_then(|guarded| guarded.without(token)) {
        Some(left) => (left.into_next(), Verdict::Accepted),
        None if mutants::is(Mutant::LostEndIgnored) => (Next::Stay, Verdict::Refused),
        None => (invalidate(slot, now).0, Verdict::Refused),
    }
}

/// Ends a guard and puts a value, if that guard is the only one there was and nothing came between.
pub(crate) fn put<V: Clone, M: Copy + Ord>(
    slot: Option<&Slot<V, M>>,
    token: Token,
    held: impl FnOnce() -> Held<V, M>,
    now: M,
) -> (Next<V, M>, PutVerdict) {
    if standing(slot, now).is_some_and(|guarded| guarded.is_only(token)) || mutants::is(Mutant::PutIsPlainSet)
    {
        return (Next::Become(Slot::Filled(held())), PutVerdict::Written);
    }
    (end(slot, token, now).0, PutVerdict::NotWritten)
}

/// The guards that are left of a slot, if it is guarded.
fn standing<V: Clone, M: Copy + Ord>(slot: Option<&Slot<V, M>>, now: M) -> Option<Guarded<V, M>> {
    match slot {
        Some(Slot::Guarded(guarded)) => guarded.at(now),
        _ => None,
    }
}

/// By hand, so that what a hit clones is copied in place, and no more of it than is looked at.
impl<V: Clone, M: Copy> Clone for Slot<V, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        #[cold]
        #[inline(never)]
        fn guarded<V: Clone, M: Copy>(guarded: &Guarded<V, M>) -> Box<Guarded<V, M>> {
            Box::new(guarded.clone())
        }
        match self {
            Self::Filled(held) => Self::Filled(held.clone()),
            Self::Leased { token, until } => Self::Leased { token: *token, until: *until },
            Self::Guarded(boxed) => Self::Guarded(guarded(boxed)),
        }
    }
}

impl<V, M: Copy + Ord> Slot<V, M> {
    /// When nothing is left of it.
    pub(crate) fn until(&self) -> M {
        match self {
            Self::Leased { until, .. } => *until,
            Self::Filled(held) => held.until,
            Self::Guarded(guarded) => guarded.until(),
        }
    }

    fn permits(&self, permit: Permit, now: M) -> bool {
        let named = match (self, permit) {
            (Self::Leased { token, .. }, Permit::Lease(permitted)) => *token == permitted,
            (Self::Filled(held), Permit::Replace(permitted)) => held.fill_id == permitted,
            _ => false,
        };
        named && self.until() > now
    }
}

impl<V, M: Copy + Ord> Guarded<V, M> {
    /// The end of the guard that ends last.
    fn until(&self) -> M {
        let ends = self.guards.iter().map(|guard| guard.until);
        ends.max().expect("there is always a guard")
    }

    /// The carried value, if it has time left.
    fn carried_at(&self, now: M) -> Option<&Held<V, M>> {
        self.carried.as_ref().filter(|held| held.until > now)
    }

    /// What is left of it, if any guard is.
    fn at(&self, now: M) -> Option<Self>
    where
        V: Clone,
    {
        let guards: Vec<_> = self.guards.iter().copied().filter(|guard| guard.until > now).collect();
        let carried = self.carried_at(now).cloned();
        (!guards.is_empty()).then_some(Self { guards, carried, overlapped: self.overlapped })
    }

    fn is_only(&self, token: Token) -> bool {
        !self.overlapped && matches!(self.guards[..], [guard] if guard.token == token)
    }

    /// Says whether the guard was there.
    fn move_end(&mut self, to: Guard<M>) -> bool {
        let own = self.guards.iter_mut().find(|guard| guard.token == to.token);
        own.map(|guard| guard.until = to.until).is_some()
    }

    /// What is left without this guard, if it was there.
    fn without(mut self, token: Token) -> Option<Self> {
        let at = self.guards.iter().position(|guard| guard.token == token)?;
        self.guards.remove(at);
        Some(self)
    }

    fn into_next(self) -> Next<V, M> {
        match self.guards.is_empty() {
            true => Next::Vanish,
            false => Next::Become(Slot::Guarded(Box::new(self))),
        }
    }
}

impl<V, M> Next<V, M> {
    /// What is under the key after it, where `slot` was.
    #[cfg(test)]
    pub(super) fn after(self, slot: Option<Slot<V, M>>) -> Option<Slot<V, M>> {
        match self {
            Self::Stay => slot,
            Self::Become(slot) => Some(slot),
            Self::Vanish => None,
        }
    }
}
