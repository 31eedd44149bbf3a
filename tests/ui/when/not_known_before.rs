use cachemacro::cache_result;

#[cache_result(ttl = 5, when = |value| value > 5)]
async fn a_closure(id: u64) -> u64 {
    id
}

fn main() {}
