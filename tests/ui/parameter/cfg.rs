use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn user(id: u64, #[cfg(unix)] uid: u32) -> u64 {
    id
}

fn main() {}
