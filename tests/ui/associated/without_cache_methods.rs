use cachemacro::cache_result;

struct Repo;

impl Repo {
    const FIRST: u64 = 1;

    #[cache_result(ttl = 5)]
    async fn first() -> u64 {
        Self::FIRST
    }
}

fn main() {}
