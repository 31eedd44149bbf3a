use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "a:<id>", ttl = "5m", key = "b:<id>")]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
