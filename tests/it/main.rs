//! One binary for all that takes more than one crate, or a server.

mod architecture;
mod memory_store;
#[cfg(feature = "redis")]
mod redis_store;
#[cfg(feature = "redis")]
mod support;
