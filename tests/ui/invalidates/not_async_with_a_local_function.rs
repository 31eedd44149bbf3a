use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, tier = local)]
fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id))]
fn change(id: u64) {
    let _ = id;
}

fn main() {}
