use cachemacro::cache_result;

#[cache_result(ttl = 5)]
struct User;

trait Load {
    #[cache_result(ttl = 5)]
    async fn load(&self) -> u64;
}

fn main() {}
