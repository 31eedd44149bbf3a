use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id), guard = required)]
async fn rename(id: u64) -> bool {
    id > 0
}

fn main() {}
