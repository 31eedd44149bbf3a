//! What decides, apart from what does: state machines with no I/O, no clock and no lock.

pub(crate) mod flight;

#[cfg(test)]
mod search;
