use cachemacro::cache_result;

#[cache_result(ttl = 5, timeout(hart = "1s"), key = "a:<id>")]
async fn a(id: u64) -> Result<u64, cachemacro::Error> {
    Ok(id)
}

#[cache_result(ttl = 5, timeout(hard = "1s" soft = "5ms"), key = "b:<id>")]
async fn b(id: u64) -> Result<u64, cachemacro::Error> {
    Ok(id)
}

fn main() {}
