//! The engine of cachemacro. Use it through the `cachemacro` crate.

pub mod error;

pub mod clock;
pub mod store;
pub mod task;
