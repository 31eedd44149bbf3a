//! A function that shares entries, and makes no key that the other makes: `install()` says so.

use cachemacro::{Cache, ErrorKind, cache_result};

#[cache_result(ttl = "1h", key = "user:<id>")]
async fn by_id(id: u64) -> String {
    format!("id {id}")
}

#[cache_result(ttl = "1h", key = "users:<id>", shares = by_id)]
async fn apart(id: u64) -> String {
    format!("other {id}")
}

fn main() {
    let error = Cache::memory().install().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collision);
    let text = error.to_string();
    assert!(text.contains("apart (") && text.contains("by_id ("), "{text}");
    assert!(text.contains("their keys are never the same"), "{text}");
}
