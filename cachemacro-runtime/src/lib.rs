//! The engine of cachemacro. Use it through the `cachemacro` crate.

#[doc(hidden)]
pub mod generated;

pub mod cache;
pub mod codec;
pub mod error;
mod flight;

pub mod clock;
mod journal;
pub mod key;
pub mod outcome;
pub mod policy;
mod protocol;
pub mod shape;
pub mod site;
pub mod store;
pub mod task;
mod tier;
mod trace;
