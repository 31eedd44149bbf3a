use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<id.len()>")]
async fn call(id: String) -> usize {
    id.len()
}

#[cache_result(ttl = 5, key = "user:<id:?>")]
async fn debug(id: String) -> usize {
    id.len()
}

#[cache_result(ttl = 5, key = "user:<id + 1>")]
async fn sum(id: u64) -> u64 {
    id
}

fn main() {}
