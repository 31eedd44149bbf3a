use cachemacro::{cache_result, invalidates};

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, skip(self))]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Repo::find(id))]
    async fn rename(&self, id: u64) {}
}

fn main() {}
