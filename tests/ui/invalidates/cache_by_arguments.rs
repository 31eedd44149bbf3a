use cachemacro::{cache_result, invalidates};

use cachemacro::Cache;

#[cache_result(ttl = 5, cache = cache, key = "user:<id>", skip(cache))]
async fn get_user(cache: &Cache, id: u64) -> u64 {
    id
}

#[invalidates(get_user(id))]
async fn rename(id: u64) {}

fn main() {}
