use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn user<T: Into<u64>, const N: usize>(id: u64) -> u64 {
    id
}

fn main() {}
