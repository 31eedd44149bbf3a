use cachemacro::{cache_put, cache_result};

#[cache_result(ttl = 5, key = "user:<id>", unless = |value| *value == 0)]
async fn user(id: u64) -> u64 {
    id
}

#[cache_put(user(id))]
async fn write(id: u64) -> u64 {
    id
}

fn main() {}
