use cachemacro::{cache_methods, cache_result, invalidates};

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5)]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    async fn load(&self, id: u64) -> u64 {
        id
    }
}

#[invalidates(Repo::load(id))]
async fn change(id: u64) {
    let _ = id;
}

fn main() {}
