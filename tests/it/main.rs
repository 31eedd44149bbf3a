//! One binary for all that takes more than one crate, or a server.

mod redis_store;
mod support;
