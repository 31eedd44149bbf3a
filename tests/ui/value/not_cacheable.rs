use cachemacro::cache_result;

pub struct User;

#[cache_result(ttl = 5)]
async fn user(id: u64) -> User {
    User
}

#[cache_result(ttl = 5)]
async fn fallible(id: u64) -> Result<Option<User>, ()> {
    Ok(None)
}

fn main() {}
