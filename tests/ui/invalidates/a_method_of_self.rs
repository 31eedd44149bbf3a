use cachemacro::{cache_methods, cache_result, invalidates};

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5)]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(self.find(id))]
    async fn rename(&self, id: u64) {}
}

fn main() {}
