use cachemacro::cache_result;

#[cache_result(ttl = |user| user.len())]
async fn user(id: u64) -> String {
    id.to_string()
}

#[cache_result(ttl = || std::time::Duration::ZERO)]
async fn nothing(id: u64) -> String {
    id.to_string()
}

fn main() {}
