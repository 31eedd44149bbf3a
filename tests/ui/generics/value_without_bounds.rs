use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn load<T: Default>(id: u64) -> Result<T, u64> {
    Err(id)
}

fn main() {}
