use cachemacro::cache_result;

#[cache_result(5)]
async fn seconds(id: u64) -> u64 {
    id
}

#[cache_result("user:<id>", ttl = 5)]
async fn key(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, -1)]
async fn neither(id: u64) -> u64 {
    id
}

fn main() {}
