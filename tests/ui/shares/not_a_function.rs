use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id>", shares = get_user(id))]
async fn a_call(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, key = "user:<id>", shares = "get_user")]
async fn text(id: u64) -> u64 {
    id
}

fn main() {}
