use cachemacro::cache_result;

#[cache_result(ttl = 5, skip(user.name, 5))]
async fn user(user: String) -> usize {
    user.len()
}

fn main() {}
