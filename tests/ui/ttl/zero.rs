use cachemacro::cache_result;

#[cache_result(ttl = 0)]
async fn seconds(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "0s")]
async fn text(id: u64) -> u64 {
    id
}

fn main() {}
