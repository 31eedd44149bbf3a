use cachemacro::cache_result;

struct Repo {
    tenant: u64,
}

impl Repo {
    #[cache_result(ttl = 5, key = "user:<self.tennant>:<id>")]
    async fn user(&self, id: u64) -> u64 {
        id + self.tenant
    }
}

fn main() {}
