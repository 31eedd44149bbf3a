use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, companion = off)]
async fn get_user(id: u64) -> u64 {
    id
}

#[invalidates(get_user(id))]
async fn rename(id: u64) {}

fn main() {}
