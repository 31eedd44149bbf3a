use cachemacro::cache_result;

#[cache_result(TTL = 5)]
async fn user(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, skip(Db))]
async fn skipped(db: &str) -> usize {
    db.len()
}

fn main() {}
