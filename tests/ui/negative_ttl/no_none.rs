use cachemacro::cache_result;

#[cache_result(ttl = 5, negative_ttl = "10s")]
async fn user(id: u64) -> Result<String, ()> {
    Ok(id.to_string())
}

fn main() {}
