use cachemacro::cache_result;

pub struct User {
    pub id: u64,
}

#[cache_result(ttl = 5, key = "user:<user.uid>")]
async fn tasks(user: &User) -> u64 {
    user.id
}

fn main() {}
