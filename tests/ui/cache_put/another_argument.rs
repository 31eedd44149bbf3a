use cachemacro::{cache_put, cache_result};

struct User {
    id: u64,
}

#[cache_result(ttl = 5, key = "name:<user.id>")]
async fn name(user: &User) -> String {
    user.id.to_string()
}

#[cache_result(ttl = 5)]
async fn title(id: u64) -> String {
    id.to_string()
}

#[cache_put(name(id))]
async fn rename(id: u64) -> String {
    id.to_string()
}

#[cache_put(title(id))]
async fn retitle(id: String) -> String {
    id
}

fn main() {}
