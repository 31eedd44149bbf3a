use cachemacro::{cache_methods, cache_result};

struct Repo<T, const N: usize>(T);

#[cache_methods(skip(self))]
impl<T: Send + Sync, const N: usize> Repo<T, N> {
    #[cache_result(ttl = 5, key = "load:<id>:<N>")]
    async fn load(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
