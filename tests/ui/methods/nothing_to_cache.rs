use cachemacro::cache_methods;

struct Repo;

#[cache_methods]
impl Repo {
    async fn load(&self) -> u64 {
        5
    }
}

fn main() {}
