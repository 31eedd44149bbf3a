use std::future::Future;
use std::pin::Pin;

use cachemacro::cache_result;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[cache_result(ttl = 5)]
fn user(id: u64) -> Answer<u64> {
    Box::pin(async move { id })
}

fn main() {}
