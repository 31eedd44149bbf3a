use cachemacro::{cache_methods, cache_result};

struct Repo;

#[cache_methods(skp(self), ttl = 5)]
impl Repo {
    #[cache_result(ttl = 5, skip(self))]
    async fn load(&self) -> u64 {
        5
    }
}

fn main() {}
