use cachemacro::{cache_methods, cache_result};

#[cache_result(ttl = 5, stale_while_revalidate = "1m", key = "user:<id>", skip(log))]
async fn user(log: &mut Vec<u64>, id: u64) -> String {
    log.push(id);
    id.to_string()
}

#[derive(Clone)]
struct Repo;

#[cache_methods]
impl Repo {
    #[cache_result(ttl = 5, stale_if_error = "1h", timeout = "1s", key = "team:<id>", skip(self))]
    async fn team(&mut self, id: u64) -> Result<String, ()> {
        Ok(id.to_string())
    }
}

fn main() {}
