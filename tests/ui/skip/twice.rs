use cachemacro::cache_result;

#[cache_result(ttl = 5, skip(db, db))]
async fn user(db: &str, id: u64) -> u64 {
    id
}

fn main() {}
