use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn users() -> impl Iterator<Item = u64> {
    [1].into_iter()
}

fn main() {}
