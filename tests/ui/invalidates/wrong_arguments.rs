use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5)]
async fn get_user(id: u64) -> u64 {
    id
}

#[invalidates(get_user(name))]
async fn wrong_type(name: String) {}

#[invalidates(get_user())]
async fn too_few() {}

#[invalidates(get_user(id, 2))]
async fn too_many(id: u64) {}

#[invalidates(get_user(uid))]
async fn no_parameter(id: u64) {}

fn main() {}
