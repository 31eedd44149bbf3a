use cachemacro::cache_result;

#[cache_result(ttl = 5, codec = "json")]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
