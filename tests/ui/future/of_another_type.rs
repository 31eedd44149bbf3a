use cachemacro::cache_result;

struct Repo;

impl Repo {
    #[cache_result(ttl = 5, skip(self))]
    fn user(&self) -> impl Future<Output = u64> + Send {
        async move { "5" }
    }
}

fn main() {}
