use cachemacro::{Pending, cache_result, invalidates};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id), commit = pending)]
async fn rename(open: &Pending, id: u64) {
    let _ = (open, id);
}

#[invalidates(user(id), commit = "later")]
async fn remove(pending: &Pending, id: u64) {
    let _ = (pending, id);
}

#[invalidates(user(id), commit = pending, on = ok)]
async fn add(pending: &Pending, id: u64) {
    let _ = (pending, id);
}

fn main() {}
