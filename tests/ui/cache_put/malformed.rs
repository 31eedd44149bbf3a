use cachemacro::{cache_put, cache_result};

struct Transaction;

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[cache_put]
async fn nothing(id: u64) -> u64 {
    id
}

#[cache_put(key = "user:<id>")]
async fn a_key(id: u64) -> u64 {
    id
}

#[cache_put(user(id), user(id + 1), tll = "1h")]
async fn two(id: u64) -> u64 {
    id
}

#[cache_put(user(result))]
async fn found_out() -> u64 {
    5
}

#[cache_put(user(id), ttl = |value| Duration::from_secs(*value))]
async fn by_value(id: u64) -> u64 {
    id
}

#[cache_put(user(id))]
async fn uncommitted(tx: &mut Transaction, id: u64) -> u64 {
    let _ = tx;
    id
}

#[cache_put(user(id))]
fn at_once(id: u64) -> u64 {
    id
}

fn main() {}
