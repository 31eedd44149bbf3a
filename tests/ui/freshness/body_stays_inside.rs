use cachemacro::{cache_methods, cache_result};

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "user:<id>", skip(self))]
    async fn user(&self, id: u64) -> String {
        id.to_string()
    }
}

trait Find {
    async fn team(&self, id: u64) -> String;
}

#[cache_methods]
impl Find for Repo {
    #[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "team:<id>", skip(self))]
    async fn team(&self, id: u64) -> String {
        id.to_string()
    }
}

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "tag:<id>", companion = off)]
async fn tag(id: u64) -> String {
    id.to_string()
}

fn main() {}
