use cachemacro::cache_result;

#[cache_result(ttl = 5, jitter = "101%")]
async fn over(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, jitter = "10")]
async fn no_sign(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, jitter = "+5%")]
async fn sign(id: u64) -> u64 {
    id
}

fn main() {}
