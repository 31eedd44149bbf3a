use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<uid>", skip(db, id, team))]
async fn user(db: &str, id: u64, team: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "all:<page>")]
async fn all() -> u64 {
    1
}

fn main() {}
