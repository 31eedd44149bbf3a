use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<a><b>")]
async fn touching(a: u64, b: u64) -> u64 {
    a + b
}

#[cache_result(ttl = 5, key = "user:<a>-<b>")]
async fn dash(a: u64, b: u64) -> u64 {
    a + b
}

#[cache_result(ttl = 5, key = "user:<a>%<b>")]
async fn percent(a: u64, b: u64) -> u64 {
    a + b
}

fn main() {}
