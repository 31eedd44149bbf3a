use std::collections::HashMap;

use cachemacro::cache_result;

struct Connection;

#[cache_result(batch(ids), ttl = 5, key = "b:<ids>")]
async fn one_value(ids: &[u64]) -> Result<u64, String> {
    Ok(1)
}

#[cache_result(batch(ids), ttl = 5, key = "c:<ids>")]
async fn other_ids(ids: &[u64]) -> HashMap<String, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "d:<ids>", skip(connection))]
async fn given_once(connection: Connection, ids: &[u64]) -> HashMap<u64, u64> {
    HashMap::new()
}

#[cache_result(batch(ids), ttl = 5, key = "e:<ids>")]
async fn not_cacheable(ids: &[u64]) -> Vec<(u64, Connection)> {
    Vec::new()
}

fn main() {}
