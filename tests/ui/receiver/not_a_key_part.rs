use cachemacro::cache_result;

struct Repo;

impl Repo {
    #[cache_result(ttl = 5)]
    async fn user(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
