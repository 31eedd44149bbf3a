use std::collections::HashMap;

use cachemacro::cache_result;

#[derive(Clone)]
struct Row;

#[cache_result(batch(ids), ttl = 5, key = "b:<ids>")]
async fn rows(ids: &[u64]) -> HashMap<u64, Row> {
    ids.iter().map(|id| (*id, Row)).collect()
}

fn main() {}
