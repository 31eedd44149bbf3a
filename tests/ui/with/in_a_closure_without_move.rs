use std::time::Duration;

use cachemacro::cache_result;

#[cache_result(ttl = |_| Duration::from_secs(tenant), with(tenant: u64 = id / 2))]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
