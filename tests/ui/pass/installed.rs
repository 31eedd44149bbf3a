//! A process installs one cache, and its functions use it from then on.

use std::sync::atomic::{AtomicU32, Ordering};

use cachemacro::{Cache, ErrorKind, cache_result};

static RUNS: AtomicU32 = AtomicU32::new(0);

#[cache_result(ttl = "1h")]
async fn answer() -> u32 {
    RUNS.fetch_add(1, Ordering::SeqCst);
    42
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        answer().await;
        answer().await;
        assert_eq!(RUNS.load(Ordering::SeqCst), 1, "the embedded cache");

        let cache = Cache::memory();
        cache.clone().install().unwrap();
        answer().await;
        answer().await;
        assert_eq!(RUNS.load(Ordering::SeqCst), 2, "the installed cache, which was empty");
        assert_eq!(cache.status().local.unwrap().0, 1);

        let error = Cache::memory().install().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyInstalled);
    });
}
