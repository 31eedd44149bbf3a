use cachemacro::cache_methods;

#[cache_methods]
struct Repo;

#[cache_methods]
trait Load {
    async fn load(&self) -> u64;
}

#[cache_methods]
async fn load() -> u64 {
    5
}

fn main() {}
