use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn user(id: u64) -> Result<String, ()> {
    Ok(id)
}

#[cache_result(ttl = 5)]
async fn tail(id: u64) -> u64 {
    id;
}

fn main() {}
