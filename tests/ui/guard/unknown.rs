use cachemacro::{cache_put, cache_result, invalidates};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id), guard = strict)]
async fn rename(id: u64) {
    let _ = id;
}

#[cache_put(user(id), guard = off)]
async fn write(id: u64) -> u64 {
    id
}

#[invalidates(user(id), guard = required, on = ok)]
async fn remove(id: u64) -> Result<(), cachemacro::Error> {
    let _ = id;
    Ok(())
}

fn main() {}
