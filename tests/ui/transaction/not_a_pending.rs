use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id), commit = pending)]
async fn rename(pending: &str, id: u64) {
    let _ = (pending, id);
}

fn main() {}
