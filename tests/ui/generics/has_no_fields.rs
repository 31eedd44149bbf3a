use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<T.id>:<id>")]
async fn user<T>(id: u64) -> u64 {
    id
}

fn main() {}
