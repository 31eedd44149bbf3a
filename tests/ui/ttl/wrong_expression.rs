use cachemacro::cache_result;

fn lifetime(id: u64) -> u64 {
    id
}

#[cache_result(ttl = lifetime(id))]
async fn user(id: u64) -> u64 {
    id
}

#[cache_result(ttl = std::time::Duration::from_secs(uid))]
async fn team(id: u64) -> u64 {
    id
}

fn main() {}
