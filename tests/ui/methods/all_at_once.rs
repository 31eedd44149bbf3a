use cachemacro::{cache_methods, cache_result};

struct Repo;

#[cache_methods]
impl Repo {
    #[cache_result(key = "a:<id>", skip(self))]
    async fn without_ttl(&self, id: u64) -> u64 {
        id
    }

    #[cache_result(ttl = 5, key = "b:<uid>", skip(self, id))]
    async fn unknown_hole(&self, id: u64) -> u64 {
        id
    }

    #[cache_result(ttl = 5, skip(self))]
    fn not_async(&self) -> u64 {
        5
    }
}

fn main() {}
