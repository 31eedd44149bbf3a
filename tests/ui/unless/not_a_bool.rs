use cachemacro::cache_result;

#[cache_result(ttl = 5, unless = |users| users.len())]
async fn users(id: u64) -> Vec<u64> {
    vec![id]
}

#[cache_result(ttl = 5, unless = |user| user.is_gone())]
async fn user(id: u64) -> Option<String> {
    Some(id.to_string())
}

fn main() {}
