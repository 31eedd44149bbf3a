//! One binary for all that takes more than one crate, or a server.

mod architecture;
mod attributes;
mod compile_fail;
mod invalidating;
mod key_arguments;
mod key_types;
mod local;
mod memory_store;
mod peers;
mod policies;
mod reading;
#[cfg(feature = "redis")]
mod redis_store;
#[cfg(feature = "redis")]
mod sharing;
mod support;
