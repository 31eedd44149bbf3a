use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn user((id, _): (u64, u64), _: u8) -> u64 {
    id
}

fn main() {}
