use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5)]
async fn get_user(team: u64, id: u64) -> u64 {
    team + id
}

#[invalidates(get_user(1, result.id))]
async fn no_field() -> Result<u64, ()> {
    Ok(5)
}

#[invalidates(get_user(name, result))]
async fn captured(name: String) -> u64 {
    name.len() as u64
}

fn main() {}
