use cachemacro::cache_result;

#[cache_result(ttl = "5m" key = "user:<id>", nam = "x")]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
