use cachemacro::cache_result;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct User;

#[cache_result(ttl = 5, unless = |value| value.is_err())]
async fn user() -> Result<User, String> {
    Ok(User)
}

fn main() {}
