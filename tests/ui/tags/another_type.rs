use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, groups(owner))]
async fn task(owner: u64, page: u32) -> u64 {
    owner + u64::from(page)
}

#[invalidates(task(name, ..))]
async fn change(name: String) {
    drop(name);
}

fn main() {}
