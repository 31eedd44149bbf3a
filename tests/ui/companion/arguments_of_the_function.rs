use cachemacro::cache_result;

struct Db;

#[cache_result(ttl = 5, key = "user:<id>", skip(db))]
async fn user(db: &Db, id: u64) -> u64 {
    let _ = db;
    id
}

async fn change(db: &Db) -> cachemacro::Result<()> {
    user::invalidate(db, 5).await
}

fn main() {}
