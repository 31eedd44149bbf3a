//! Redis and Valkey.
#![allow(missing_docs, missing_debug_implementations)]
use crate::error::Result;
pub struct RedisConfig {
    pub budget: std::time::Duration,
    pub connections: usize,
}
impl RedisConfig {
    pub fn new(_u: &str) -> Self {
        unimplemented!()
    }
}
pub struct RedisStore(super::memory::MemoryStore);
impl RedisStore {
    pub async fn connect(_c: RedisConfig) -> Result<super::memory::MemoryStore> {
        unimplemented!()
    }
    pub fn connect_lazily(_c: RedisConfig) -> Result<super::memory::MemoryStore> {
        unimplemented!()
    }
}
