use cachemacro::cache_result;

#[cache_result(ttl = 315360001)]
async fn seconds(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "3651d")]
async fn text(id: u64) -> u64 {
    id
}

fn main() {}
