use cachemacro::{cache_methods, cache_result};

#[cache_result(ttl = 5)]
#[cache_result(ttl = 6, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5)]
    #[cachemacro::cache_result(ttl = 6)]
    async fn user(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
