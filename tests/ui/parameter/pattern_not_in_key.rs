use cachemacro::cache_result;

#[cache_result(ttl = 5, key = "user:<a>")]
async fn user((a, b): (u64, u64), [_, c]: [u64; 2], _: u8) -> u64 {
    a + b + c
}

fn main() {}
