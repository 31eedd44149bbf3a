use cachemacro::cache_result;

#[cache_result(ttl = 5)]
async fn user(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5)]
async fn named(name: &str) -> usize {
    name.len()
}

async fn caller() {
    user::key(5_i32);
    user::key("5");
    named::key(5);
    user::key();
    user::invalidate(1, 2).await.unwrap();
}

fn main() {}
