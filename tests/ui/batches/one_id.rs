use std::collections::HashMap;

use cachemacro::cache_result;

#[cache_result(batch(id), ttl = 5, key = "a:<id>")]
async fn users(id: u64) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(name), ttl = 5, key = "b:<name>")]
async fn names(name: &str) -> HashMap<String, u64> {
    HashMap::new()
}

fn main() {}
