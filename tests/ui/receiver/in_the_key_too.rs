use cachemacro::cache_result;

struct Repo(u64);

impl Repo {
    #[cache_result(ttl = 5, key = "user:<self.0>", skip(self))]
    async fn user(&self) -> u64 {
        self.0
    }
}

fn main() {}
