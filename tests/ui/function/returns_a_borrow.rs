use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn name(all: &str) -> &str {
    all
}

#[cache_result(ttl = 5)]
async fn named<'a>(all: &'a str) -> Result<std::borrow::Cow<'a, str>, ()> {
    Ok(all.into())
}

fn main() {}
