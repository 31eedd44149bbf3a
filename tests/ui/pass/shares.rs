//! Two functions that share their entries, and store values of two types: the program compiles,
//! `install()` names both types, and without it the second runs uncached.

use cachemacro::{Cache, ErrorKind, cache_result};

#[cache_result(ttl = "1h", key = "user:<id>")]
async fn by_id(id: u64) -> String {
    format!("id {id}")
}

#[cache_result(ttl = "1h", key = "user:<name>", shares = by_id)]
async fn by_name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[cache_result(ttl = "1h", key = "user:<id>", shares = by_id)]
async fn length(id: u64) -> Result<usize, ()> {
    Ok(id as usize)
}

fn main() {
    let error = Cache::memory().install().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collision);
    let text = error.to_string();
    assert!(text.contains("length (") && text.contains("by_id ("), "{text}");
    assert!(text.contains("stores `usize` where that stores `alloc::string::String`"), "{text}");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert_eq!(by_id(42).await, "id 42");
        assert_eq!(by_name("42").await.unwrap(), "id 42");
        assert_eq!(length(42).await, Ok(42));
    });
}
