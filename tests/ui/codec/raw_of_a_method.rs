use cachemacro::cache_result;

trait Load {
    #[cache_result(ttl = 5, key = "load:<id>", skip(self), codec = Raw<Json>)]
    async fn load(&self, id: u64) -> u64 {
        id
    }

    #[cache_result(ttl = 5, key = "told:<Self>:<id>", skip(self), codec = Raw<Json>)]
    async fn told(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
