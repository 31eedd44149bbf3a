use cachemacro::cache_result;

#[cache_result(ttl = "5 mins")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 1.5)]
async fn float(id: u64) -> u64 {
    id
}

#[cache_result(ttl = -5)]
async fn negative(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5u64)]
async fn suffix(id: u64) -> u64 {
    id
}

fn main() {}
