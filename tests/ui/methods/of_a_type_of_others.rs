use std::sync::Arc;

use cachemacro::{cache_methods, cache_result};

trait Load {
    async fn load(&self) -> u64;
}

struct Repo;

#[cache_methods(skip(self))]
impl Load for Arc<Repo> {
    #[cache_result(ttl = 5)]
    async fn load(&self) -> u64 {
        1
    }
}

#[cache_methods(skip(self))]
impl<T: Sync> Load for &[T] {
    #[cache_result(ttl = 5, key = "load:<Self>")]
    async fn load(&self) -> u64 {
        1
    }
}

fn main() {}
