use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn object(id: u64) -> Box<dyn Fn() -> u64 + Send + Sync> {
    Box::new(move || id)
}

fn main() {}
