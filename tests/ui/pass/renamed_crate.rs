//! The crate under another path.
mod reexported {
    pub use ::cachemacro as inner;
}

use reexported::inner::{cache_result, invalidates};

#[cache_result(ttl = 5, crate = crate::reexported::inner)]
async fn get_user(id: u64) -> u64 {
    id
}

#[invalidates(get_user(id), crate = crate::reexported::inner)]
async fn rename(id: u64) {}

#[tokio::main]
async fn main() {
    assert_eq!(get_user(1).await, 1);
    rename(1).await;
}
