use cachemacro::cache_result;

#[cache_result(ttl = 5, when = id)]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
