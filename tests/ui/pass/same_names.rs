//! Two functions of one name in two functions of one module have one path, and so one default key: the
//! program compiles, `install()` names both lines, and without it the second runs uncached.

use cachemacro::{Cache, ErrorKind, cache_result};

async fn first() -> u64 {
    #[cache_result(ttl = "1h")]
    async fn inner(id: u64) -> u64 {
        id
    }
    inner(1).await
}

async fn second() -> u64 {
    #[cache_result(ttl = "1h")]
    async fn inner(id: u64) -> u64 {
        id + 10
    }
    inner(1).await
}

fn main() {
    let error = Cache::memory().install().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collision);
    let text = error.to_string();
    assert!(text.contains("same_names.rs:7)") && text.contains("same_names.rs:15)"), "{text}");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            assert_eq!((first().await, second().await), (1, 11));
        }
    });
    let loads: Vec<u64> = cachemacro::registry().iter().map(|site| site.stats().loads).collect();
    assert_eq!(loads, [1, 2]);
}
