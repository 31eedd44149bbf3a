use cachemacro::cache_result;

mod users {}

#[cache_result(ttl = 5)]
async fn users() -> u64 {
    5
}

fn main() {}
