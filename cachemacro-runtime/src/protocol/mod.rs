//! What decides, apart from what does: state machines with no I/O, no clock and no lock.

pub(crate) mod batch;
pub(crate) mod coherence;
pub(crate) mod era;
pub(crate) mod flight;
pub(crate) mod gather;
pub(crate) mod slot;
pub(crate) mod tags;
pub(crate) mod token;

#[cfg(test)]
mod search;
