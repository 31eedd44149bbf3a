//! What the children are set to, and what the checker therefore expects.

use std::str::FromStr;
use std::time::Duration;

/// How many keys there are. Even ones are read by `short`, odd ones by `long`.
pub(crate) const KEYS: u8 = 24;

/// Calls that a child has under way at once.
pub(crate) const WORKERS: usize = 12;

/// Children at once.
pub(crate) const CHILDREN: usize = 3;

/// Those that keep values near: the first ones.
pub(crate) const CHILDREN_NEAR: usize = 2;

/// Shorter than some bodies, so that leases are renewed, and than most faults, so that they expire.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

/// The same for the guards of mutations.
pub(crate) const GUARD: Duration = Duration::from_millis(900);

/// How long one operation of the store may take.
pub(crate) const BUDGET: Duration = Duration::from_millis(150);

/// How far behind what is kept near may be: shorter than most faults, so that what is told of them is late.
pub(crate) const STALENESS: Duration = Duration::from_millis(400);

/// The same, in a program that is wrong: longer than most of them.
pub(crate) const STALENESS_WRONG: Duration = Duration::from_secs(30);

/// The bytes that are kept near.
pub(crate) const NEAR_BYTES: u64 = 1 << 20;

/// How long a call waits for another's load.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);

/// How long after the moment at which a thing must be over it is taken to be: the scheduling of a
/// machine whose cores are all in use.
pub(crate) const SLACK: Duration = Duration::from_millis(1500);

/// A program that is wrong, which the checker has to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It forgets one invalidation of a hundred.
    Forgets,
    /// It serves what is kept near for [`STALENESS_WRONG`].
    Staleness,
}

impl Wrong {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Forgets => "forgets",
            Self::Staleness => "staleness",
        }
    }
}

impl FromStr for Wrong {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Forgets, Self::Staleness].into_iter().find(|wrong| wrong.name() == word).ok_or(())
    }
}
