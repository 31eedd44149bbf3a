use cachemacro::cache_result;

struct Repo;

impl Repo {
    #[cache_result(ttl = 5)]
    async fn first() -> u64 {
        1
    }
}

fn main() {}
