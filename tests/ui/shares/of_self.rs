use cachemacro::{cache_methods, cache_result};

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5, key = "user:<id>")]
    async fn user(&self, id: u64) -> u64 {
        id
    }

    #[cache_result(ttl = 5, key = "user:<number>", shares = Self::user)]
    async fn by_number(&self, number: u64) -> u64 {
        number
    }
}

fn main() {}
