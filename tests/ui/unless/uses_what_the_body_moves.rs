use cachemacro::cache_result;

#[cache_result(ttl = 5, unless = |value| *value == name)]
async fn echo(name: String) -> String {
    name
}

fn main() {}
