use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn load<T: Clone + Default>(id: u64) -> T {
    T::default()
}

#[cache_result(ttl = 5)]
async fn next<I: Iterator>() -> I::Item {
    panic!("it does not compile")
}

fn main() {}
