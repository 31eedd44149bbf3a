use cachemacro::cache_result;

#[cache_result(ttl = 5, tier = locla)]
async fn a_slip(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, tier = "redis")]
async fn a_store(id: u64) -> u64 {
    id
}

fn main() {}
