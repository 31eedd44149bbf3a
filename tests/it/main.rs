//! One binary for all that takes more than one crate, or a server.

mod allocations;
mod architecture;
mod attributes;
mod batches;
#[cfg(feature = "redis")]
mod cluster;
mod compile_fail;
#[cfg(feature = "redis")]
mod differential;
mod freshness;
mod graph;
mod guarding;
mod invalidating;
mod key_arguments;
mod key_types;
mod local;
mod memory_store;
mod namespaces;
#[cfg(feature = "redis")]
mod near;
mod patterns;
mod peers;
mod policies;
mod reading;
#[cfg(feature = "redis")]
mod redis_store;
mod rooms;
mod shapes;
#[cfg(feature = "redis")]
mod sharing;
mod support;
mod tags;
mod warming;
