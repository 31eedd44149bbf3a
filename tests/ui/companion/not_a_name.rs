use cachemacro::cache_result;

#[cache_result(ttl = 5, companion = "Users")]
async fn users() -> u64 {
    5
}

#[cache_result(ttl = 5, companion = crate::Teams)]
async fn teams() -> u64 {
    5
}

fn main() {}
