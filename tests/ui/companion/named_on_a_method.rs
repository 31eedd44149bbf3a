use cachemacro::cache_result;

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, skip(self), companion = Users)]
    async fn users(&self) -> u64 {
        5
    }
}

fn main() {}
