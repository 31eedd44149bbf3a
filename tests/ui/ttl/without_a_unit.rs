use cachemacro::cache_result;

#[cache_result(ttl = "60")]
async fn text(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 60s)]
async fn suffix(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 1.5)]
async fn fraction(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5 + 60)]
async fn sum(id: u64) -> u64 {
    id
}

fn main() {}
