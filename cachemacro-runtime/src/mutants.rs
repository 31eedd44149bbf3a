//! Wrong variants of the engine, for tests of the tests: a check that no wrong variant fails proves nothing.
//!
//! They are compiled in with the feature `mutants` alone, and one of them is switched on for one thread. In
//! any other build, `is` is `false` where it is compiled.

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A wrong variant: what the engine does with it switched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it does.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    /// A fill is a plain set: it needs no lease.
    FillIsPlainSet,
    /// All leases of a process have one token.
    OneTokenPerProcess,
    /// Whoever waits takes the result, whenever it came.
    JoinersTakeAnything,
    /// A hit goes to those too who came after its lookup was sent.
    HitToLateJoiners,
    /// A stored value goes to those too who came after its fill was sent.
    JoinUntilDelivery,
    /// A refused value goes to those too who came after its body had started.
    RefusedToLateJoiners,
    /// A lease that is released proves nothing lost, even if an invalidation was kept meanwhile.
    MarkNotConfirmed,
    /// A lease is not renewed.
    LeaseNotRenewed,
    /// A lookup that is dropped, or a load that fails, leaves its lease behind.
    LeaseNotReleased,
    /// A leader that is dropped hands nothing on.
    LeadNotHandedOn,
    /// Mutations guard nothing: they invalidate after the commit alone.
    NothingGuarded,
    /// A key has one guard: the next writer's takes its place.
    OneGuardSlot,
    /// A second guard does not set the overlap flag.
    NoOverlapFlag,
    /// A put is a plain set.
    PutIsPlainSet,
    /// A put is sent although the begin of its guard was never acknowledged.
    PutAfterUncertainBegin,
    /// The carried value stays when a second guard begins.
    CarriedValueKept,
    /// Guards are not renewed.
    GuardNotRenewed,
    /// The end of a guard that is gone does not invalidate.
    LostEndIgnored,
    /// An unguarded invalidation removes guards.
    InvalidationRemovesGuards,
    /// An unguarded invalidation leaves the overlap flag of guards as it is.
    InvalidationNotNoted,
    /// What the store does not take is forgotten.
    UndeliveredForgotten,
    /// A key whose invalidation is undelivered is read from the store all the same.
    NoQuarantine,
    /// A store that comes back is not told of the last minute again.
    ReplayForgotten,
    /// A mutation that is dropped or panics does not invalidate.
    DropForgotten,
    /// A mutation that returns an error does not invalidate.
    ErrorForgotten,
    /// A mutation within a transaction invalidates at its own end, before the commit.
    PendingEndsEarly,
    /// One sign of life confirms that all changes were told.
    SingleBarrier,
    /// A sign of life is not a write, so that a store answers which has lost its majority.
    KeylessHeartbeat,
    /// What is on its way is kept in this process, whatever was told meanwhile.
    NoStripeTicket,
    /// What is on its way is kept in this process, even if the link was lost meanwhile.
    TicketWithoutEpoch,
    /// What was read lately is served from the slots in front of what is kept in this process, whatever was told since.
    SlotsNotTold,
    /// What a body returns is kept in this process.
    BodyKeptNear,
    /// A link that comes back goes on where the last one ended.
    EpochKept,
    /// What guards carry is kept in this process.
    CarriedValueKeptNear,
    /// An invalidation in this process lets what is on its way in.
    LocalNotNoted,
    /// What is kept in this process is served, however long ago the store confirmed it.
    NeverUnconfirmed,
    /// Where those who invalidate publish it, they do so only for what was there.
    PublishedIfThere,
    /// A refresh replaces whatever is there, also what was invalidated meanwhile.
    RefreshIgnoresInvalidation,
    /// What is stale is served from what a caller saw before its load failed, and not looked up again.
    StaleNotLookedUpAgain,
    /// A refresh asks for no lease, and another may be under way.
    TwoRefreshers,
    /// A call waits for what it asked, also past its hard timeout.
    HardTimeoutNotKept,
    /// A load ends with the call that has given up on it.
    LoadEndsWithItsCall,
    /// A load that outlives its call asks for a new lease where it has lost its own.
    LateLoadLeasedAnew,
    /// A hit that extends a value puts it back if it is gone.
    IdlePutsBack,
    /// A value lives for its ttl, however long nobody has hit it.
    IdleIgnored,
    /// What runs in the background goes on when the cache is closed.
    TasksOutliveClose,
    /// A batch loads what others load too, and its members take that whenever it is their turn.
    BatchTakenByLateJoiner,
    /// A batch waits for what others load before it loads and stores what it leads.
    BatchWaitsBeforeItFills,
    /// A gathered read that is under way goes to those too who came after it was sent.
    GatheredToLateJoiners,
    /// The versions of tags are noted after the load.
    TagReadAfterLoad,
    /// The version of a tag is a number, which begins again where one was lost.
    TagCounterThatResets,
    /// A tag is invalidated first, and then its epoch.
    TagBeforeEpoch,
    /// The epoch of a tag over the value is not noted again after the load.
    EpochNotedOnce,
    /// The epoch of a tag is not guarded with it.
    EpochUnguarded,
    /// A stored value goes to those too who came after its body had started, whatever became of its tags.
    TagSharedUnchecked,
    /// A value is stored as one of the era that is known once it was loaded.
    EraReadAfterLoad,
    /// What is found is served, whatever era it is of.
    EraNotAsked,
    /// What is kept in this process outlives its era.
    EraKeptNear,
    /// Jitter lengthens a ttl.
    JitterLengthens,
}

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static CURRENT: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Switches one on for this thread, or all of them off.
    pub fn switch(mutant: Option<Mutant>) {
        CURRENT.set(mutant);
    }

    /// Whether this one is switched on.
    pub fn is(mutant: Mutant) -> bool {
        CURRENT.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use switch::{is, switch};

/// Whether this one is switched on: never.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn is(_: Mutant) -> bool {
    false
}
