use cachemacro::cache_result;

#[cache_result(ttl = 5, stale_if_error = "1h")]
async fn user(id: u64) -> Option<String> {
    Some(id.to_string())
}

#[cache_result(ttl = 5, timeout(hard = "2s"))]
async fn gives_up_with_an_error_of_its_own(id: u64) -> Result<u64, std::fmt::Error> {
    Ok(id)
}

fn main() {}
