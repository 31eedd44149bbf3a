use cachemacro::cache_result;

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, key = "user:<id>", skip(self))]
    async fn user(&self, id: u64) -> u64 {
        id
    }
}

#[cache_result(ttl = 5, key = "user:<id>", shares = Repo::user)]
async fn user(id: u64) -> u64 {
    id
}

fn main() {}
