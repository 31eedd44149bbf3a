use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

struct DbError;

#[invalidates(user(id), guard = required)]
async fn rename(id: u64) -> Result<u64, DbError> {
    if id == 0 { Err(DbError) } else { Ok(id) }
}

fn main() {}
