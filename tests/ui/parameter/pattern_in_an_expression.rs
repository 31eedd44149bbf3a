use cachemacro::cache_result;
use std::time::Duration;

#[cache_result(ttl = Duration::from_secs(seconds), key = "user:<id>", skip(seconds))]
async fn user((id, seconds): (u64, u64)) -> u64 {
    id + seconds
}

fn main() {}
