use cachemacro::{cache_result, invalidates};

struct Transaction<'a>(&'a str);

#[cache_result(ttl = 5, key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[invalidates(user(id))]
async fn rename(tx: &mut Transaction<'_>, id: u64) {
    let _ = (tx.0, id);
}

fn main() {}
