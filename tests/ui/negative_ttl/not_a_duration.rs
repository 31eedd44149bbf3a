use cachemacro::cache_result;

#[cache_result(ttl = 5, negative_ttl = std::time::Duration::ZERO)]
async fn expression(id: u64) -> Option<u64> {
    Some(id)
}

#[cache_result(ttl = 5, negative_ttl = 0)]
async fn zero(id: u64) -> Option<u64> {
    Some(id)
}

#[cache_result(ttl = 5, negative_ttl = "10 secs")]
async fn unit(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
