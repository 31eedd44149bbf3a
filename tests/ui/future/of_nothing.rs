use cachemacro::cache_result;

#[cache_result(ttl = 5)]
fn nothing() -> impl Future<Output = ()> + Send {
    async {}
}

fn main() {}
