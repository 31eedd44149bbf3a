use cachemacro::cache_result;

#[cache_result(ttl = 5, skip(bd))]
async fn near(db: &str, id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, skip(connection))]
async fn far(id: u64, team: u64) -> u64 {
    id
}

fn main() {}
