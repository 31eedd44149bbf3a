//! The engine of cachemacro. Use it through the `cachemacro` crate.

// Without a codec there is no `Format`, and nothing that takes one is ever reached.
#![cfg_attr(
    not(any(feature = "bincode", feature = "json", feature = "msgpack", feature = "postcard")),
    allow(dead_code, unreachable_code, unused_mut, unused_variables)
)]

#[doc(hidden)]
pub mod generated;
pub mod graph;

pub mod cache;
pub mod codec;
pub mod error;
mod flight;
#[doc(hidden)]
pub mod form;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

#[doc(hidden)]
pub mod chance;
pub mod clock;
mod gate;
mod journal;
pub mod key;
#[doc(hidden)]
pub mod mutants;
pub mod outcome;
pub mod policy;
mod protocol;
pub mod shape;
pub mod site;
pub mod store;
mod stripe;
pub mod tag;
pub mod task;
mod tier;
mod trace;
