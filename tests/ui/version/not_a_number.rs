use cachemacro::cache_result;

#[cache_result(ttl = 5, version = "2")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, version = -1)]
async fn negative(id: u64) -> u64 {
    id
}

fn main() {}
