use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn str(text: &str) -> usize {
    text.len()
}

#[cache_result(ttl = 5)]
async fn bool(id: u64) -> Option<bool> {
    Some(id > 1)
}

fn main() {}
