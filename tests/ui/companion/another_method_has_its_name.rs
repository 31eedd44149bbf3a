use cachemacro::{cache_methods, cache_result};

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5)]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    fn find_key(&self) -> u64 {
        5
    }
}

fn main() {}
