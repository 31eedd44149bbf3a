use cachemacro::cache_result;

#[cache_result(ttl = 5, cache = 5)]
async fn fixed(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, cache = db)]
async fn of_the_call(db: u64) -> u64 {
    db
}

fn main() {}
