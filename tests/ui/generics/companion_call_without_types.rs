use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn size<T: Send>(id: u64) -> usize {
    let _ = id;
    size_of::<T>()
}

fn key() -> cachemacro::Key {
    size::key(5)
}

fn main() {}
