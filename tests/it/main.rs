//! One binary for all that takes more than one crate, or a server.

mod architecture;
mod attributes;
mod compile_fail;
mod invalidating;
mod memory_store;
mod peers;
mod reading;
#[cfg(feature = "redis")]
mod redis_store;
mod shapes;
#[cfg(feature = "redis")]
mod sharing;
mod support;
