use cachemacro::{cache_put, cache_result};

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cache_put(user(id))]
async fn write(id: u64) -> Result<String, String> {
    Ok(id.to_string())
}

fn main() {}
