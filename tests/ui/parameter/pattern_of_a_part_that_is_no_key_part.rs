use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn near((x, y): (f64, u64)) -> u64 {
    x as u64 + y
}

fn main() {}
