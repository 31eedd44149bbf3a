use cachemacro::{KeyPart, cache_result};

#[derive(KeyPart)]
struct UserId(u64);

#[cache_result(ttl = 5, key = "user:<id>")]
pub async fn user(id: UserId) -> u64 {
    id.0
}

fn main() {
    user::key(UserId(1));
    user::key(1);
}
