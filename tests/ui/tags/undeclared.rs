use cachemacro::{cache_result, invalidates};

#[cache_result(ttl = 5, key = "a:<owner>:<page>")]
async fn tasks(owner: u64, page: u32) -> u64 {
    owner + u64::from(page)
}

#[cache_result(ttl = 5, key = "b:<owner>:<page>", groups(owner))]
async fn lists(owner: u64, page: u32) -> u64 {
    owner + u64::from(page)
}

#[invalidates(tasks(owner, ..))]
async fn change(owner: u64) {}

#[invalidates(lists("seven", ..))]
async fn change_another() {}

fn main() {}
