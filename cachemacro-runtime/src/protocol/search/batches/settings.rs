//! What worlds with batches are like.

/// What there is in a world.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// For each batch, its process and its keys.
    pub(super) batches: &'static [(usize, &'static [usize])],
    /// For each writer, its key.
    pub(super) writes: &'static [usize],
    /// Whether a batch of several keys begins with a read of them all, without leases.
    pub(super) reads_first: bool,
    pub(super) evictions: u8,
    pub(super) drops: u8,
}

/// A way to do it wrong, which the search must find out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    No,
    /// A body loads what others lead as well, and who waits takes that once it leads.
    TakenByLateJoiner,
    /// A body starts when nobody waits for others any more.
    WaitsBeforeItFills,
}
