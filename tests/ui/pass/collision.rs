//! Two functions that could read each other's values: the program compiles, `install()` names both,
//! and without it the second runs uncached.

use cachemacro::{Cache, ErrorKind, cache_result};

#[cache_result(ttl = "1h", key = "user:<id>")]
async fn by_id(id: u64) -> String {
    format!("id {id}")
}

#[cache_result(ttl = "1h", key = "user:<name>")]
async fn by_name(name: &str) -> u64 {
    name.len() as u64
}

fn main() {
    let error = Cache::memory().install().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collision);
    let text = error.to_string();
    assert!(text.contains("`user:<id>` of ") && text.contains("by_id ("), "{text}");
    assert!(text.contains("`user:<name>` of ") && text.contains("by_name ("), "{text}");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            assert_eq!(by_id(42).await, "id 42");
            assert_eq!(by_name("42").await, 2);
        }
    });
    let loads = |name: &str| {
        cachemacro::registry().iter().find(|site| site.name() == name).unwrap().stats().loads
    };
    assert_eq!((loads("by_id"), loads("by_name")), (1, 2));
}
