use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: impl Into<u64>) -> u64 {
    id.into()
}

fn main() {}
