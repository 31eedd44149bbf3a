use cachemacro::{cache_result, invalidates};

#[invalidates(key = "other")]
#[cache_result(ttl = 5)]
async fn get_user(id: u64) -> u64 {
    id
}

fn main() {}
