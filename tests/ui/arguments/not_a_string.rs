use cachemacro::cache_result;

#[cache_result(ttl = 5, key = user, name = 5, jitter = 10)]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
