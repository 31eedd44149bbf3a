//! The engine of cachemacro. Use it through the `cachemacro` crate.

#[doc(hidden)]
pub mod generated;

pub mod cache;
pub mod error;

pub mod clock;
pub mod key;
pub mod outcome;
pub mod policy;
pub mod shape;
pub mod site;
pub mod store;
pub mod task;
mod trace;
