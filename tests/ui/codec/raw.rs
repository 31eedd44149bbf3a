use cachemacro::cache_result;

#[cache_result(ttl = 5, codec = Raw<Bincode>)]
async fn of_rust_alone(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec = Raw<Compressed<Json>>)]
async fn compressed(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec = Raw)]
async fn of_nothing(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec = Raw<Json>, version = 2)]
async fn with_a_version(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, codec = Raw<Json>, stale_if_error = "1h", early = on)]
async fn past_its_ttl(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cache_result(ttl = 5, codec = Json, tier = local)]
async fn never_written(id: u64) -> u64 {
    id
}

fn main() {}
