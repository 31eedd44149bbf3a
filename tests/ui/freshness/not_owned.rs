use cachemacro::cache_result;

struct Db;

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "user:<id>", skip(db))]
async fn user(db: &Db, id: u64) -> String {
    let _ = db;
    id.to_string()
}

fn main() {}
