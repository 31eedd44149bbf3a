//! A process that keeps all keys near, and looks when each of them is gone.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachemacro::Cache;

use crate::{KEYS, now, runtime, value};

/// The pause between two looks. The kernel adds about as much.
const LOOK_EVERY: Duration = Duration::from_micros(20);

/// Looks for what the driver has loaded, and is to invalidate.
pub(crate) fn run(url: &str, driver: u32) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let _cache = runtime.block_on(keep(url, 64 << 20, KEYS));
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a driver");
    let seen: Vec<u64> = (0..KEYS)
        .map(|key| {
            // A look at what is gone asks the server; what another reader has loaded since is not the driver's.
            while is_near(key).is_some_and(|loaded_by| *loaded_by == driver) {
                std::thread::sleep(LOOK_EVERY);
            }
            now()
        })
        .collect();
    for seen in seen {
        println!("{seen}");
    }
}

/// Connects, and reads so many keys until all of them are kept.
pub(crate) async fn keep(url: &str, bytes: u64, keys: u32) -> Cache {
    let cache = Cache::builder().url(url).near(bytes).build().await.expect("the server runs");
    cache.clone().install().expect("nothing is installed yet");
    let mut is_missing = true;
    while is_missing {
        is_missing = false;
        for key in 0..keys {
            if is_near(key).is_none() {
                is_missing = true;
                value(key).await;
            }
        }
    }
    cache
}

/// The value, if it is answered without any waiting: by what is near, or once in a thousand by a server that is quicker
/// than a thread which is not running.
pub(crate) fn is_near(key: u32) -> Option<Arc<u32>> {
    match pin!(value(key)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
