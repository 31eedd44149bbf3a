//! Where a function stands, and what it is called.

use cachemacro::{cache_result, invalidates};

use super::{assert_key, site};

mod users {
    pub(super) fn plain() -> u64 {
        1
    }
}

// A module has this name already.
#[cache_result(ttl = "1h", companion = Users)]
async fn users(id: u64) -> u64 {
    id + users::plain()
}

#[cache_result(ttl = "1h", key = "off:<id>", companion = off)]
async fn without(id: u64) -> u64 {
    if id == 0 { 0 } else { 1 + Box::pin(without(id - 1)).await }
}

// In an `impl`, clippy asks of a `new` that it returns its type.
#[cache_result(ttl = "1h", key = "new:<id>")]
async fn new(id: u64) -> u64 {
    id
}

#[invalidates(Users(id))]
async fn rename(id: u64) {}

#[tokio::test]
async fn a_companion_can_have_another_name_or_none() {
    assert_eq!(users(1).await, 2);
    assert!(Users::peek(1).await.unwrap().is_some());
    rename(1).await;
    assert!(Users::peek(1).await.unwrap().is_none());
    assert_key(&Users::key(1), concat!(module_path!(), "::users:1"));
    assert_eq!((new(3).await, new::uncached(4).await), (3, 4));
    assert_eq!(without(3).await, 3);
    assert_eq!(without(3).await, 3);
    assert_eq!(site("without").stats().loads, 4);
}
