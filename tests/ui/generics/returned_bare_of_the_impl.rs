use cachemacro::{cache_methods, cache_result};

struct Repo<T>(T);

#[cache_methods(skip(self))]
impl<T: Clone + Send> Repo<T> {
    #[cache_result(ttl = 5)]
    async fn get(&self) -> T {
        self.0.clone()
    }
}

fn main() {}
