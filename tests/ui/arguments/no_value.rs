use cachemacro::cache_result;

#[cache_result(ttl, key =, name = , jitter("5%"))]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
