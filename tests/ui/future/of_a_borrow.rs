use cachemacro::cache_result;
use std::pin::Pin;

#[cache_result(ttl = 5)]
fn name<'a>(name: &'a str) -> Pin<Box<dyn Future<Output = &'a str> + Send + 'a>> {
    Box::pin(async move { name })
}

fn main() {}
