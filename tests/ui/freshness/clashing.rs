use cachemacro::cache_result;

#[cache_result(ttl = 5, ttl_class = "user", idle = 0, early = no, timeout = "200ms")]
async fn user(id: u64) -> Result<String, ()> {
    Ok(id.to_string())
}

#[cache_result(ttl_class = "", stale_while_revalidate = soon(), stale_if_eror = "1h")]
async fn team(id: u64) -> Result<String, ()> {
    Ok(id.to_string())
}

#[cache_result(ttl = 5, stale_if_error = "1h", timeout(soft = "2s", hard = "200ms"))]
async fn turned_round(id: u64) -> Result<String, cachemacro::Error> {
    Ok(id.to_string())
}

#[cache_result(ttl = 5, timeout(hart = "2s"))]
async fn misspelt(id: u64) -> Result<String, cachemacro::Error> {
    Ok(id.to_string())
}

#[cache_result(ttl = "5m", refresh_every = "5m")]
async fn expires_before(id: u64) -> u64 {
    id
}

fn main() {}
