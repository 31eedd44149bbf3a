//! Each case is a hit: a function from the number of a key to what was cached under it.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use crate::by_hand::{self, StackKey};
use crate::ours;
#[cfg(feature = "peers")]
use crate::peers;
use crate::user::{User, user};

/// Keys that all fit into the processor's cache.
pub const HOT_KEYS: u64 = 256;

/// Keys for two threads that seldom meet.
pub const MANY_KEYS: u64 = 8192;

pub struct Case {
    pub name: &'static str,
    /// A loop of `rounds` hits over the first `keys` keys, beginning with the key `first`.
    pub run: fn(rounds: u64, keys: u64, first: u64),
}

/// A loop of its own for each case, so that each is inlined as in a program.
macro_rules! cases {
    ($($(#[$when:meta])? $constant:ident = $name:literal: |$id:ident| $hit:expr;)+) => {
        $($(#[$when])? pub const $constant: Case = Case {
            name: $name,
            run: |rounds, keys, first| {
                for round in 0..rounds {
                    let $id = std::hint::black_box((first + round) % keys);
                    let _ = std::hint::black_box($hit);
                }
            },
        };)+
        pub const ALL: &[Case] = &[$($(#[$when])? $constant),+];
    };
}

static USERS: LazyLock<Vec<Arc<User>>> = LazyLock::new(|| (0..MANY_KEYS).map(user).collect());
static KEYS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| (0..MANY_KEYS).map(|id| StackKey::new("user:", id).as_bytes().to_vec()).collect());
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| (0..MANY_KEYS).map(|id| id.to_string()).collect());

cases! {
    CLONE = "`Arc` clone alone": |id| Arc::clone(&USERS[id as usize]);
    QUICK_ID = "quick_cache `get`, u64 key": |id| by_hand::BY_ID.get(&id).expect("a hit");
    QUICK_TEXT = "quick_cache `get`, text key at hand": |id| by_hand::BY_TEXT.get(KEYS[id as usize].as_slice()).expect("a hit");
    BY_HAND = "quick_cache, text key on the stack, ttl": |id| by_hand::get(id).expect("a hit");
    OURS = "**cachemacro**, async": |id| now(ours::get(id));
    OURS_WRITTEN = "**cachemacro**, async, key written each time": |id| now(ours::written(id));
    OURS_TRIED = "**cachemacro**, async, `Result<Arc<T>, E>`": |id| now(ours::tried(id));
    OURS_LOCAL = "**cachemacro**, async, `tier = local`": |id| now(ours::local(id));
    OURS_PLAIN = "**cachemacro**, plain `fn`": |id| ours::plain(id);
    OURS_NAMED = "**cachemacro**, async, key of a text": |id| now(ours::named(&NAMES[id as usize]));
    #[cfg(feature = "peers")] CACHED = "cached, async": |id| now(peers::cached_async(id));
    #[cfg(feature = "peers")] CACHED_CONCURRENT = "cached, async, concurrent": |id| now(peers::cached_concurrent(id));
    #[cfg(feature = "peers")] CACHED_TEXT = "cached, async, concurrent, `format!` key": |id| now(peers::cached_concurrent_text(id));
    #[cfg(feature = "peers")] HITBOX = "hitbox-fn, moka, a `u64` as the value": |id| now(peers::hitbox(id));
    #[cfg(feature = "peers")] MOKA_ID = "moka::future `get`, u64 key": |id| now(peers::MOKA_BY_ID.get(&id)).expect("a hit");
    #[cfg(feature = "peers")] MOKA_TEXT = "moka::future `get`, `format!` key": |id| now(peers::MOKA_BY_TEXT.get(&format!("user:{id}"))).expect("a hit");
}

/// Fills every cache with the first `keys` keys.
pub fn fill(keys: u64) {
    // A fill has timers; a hit has none.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    for id in 0..keys {
        let user = &USERS[id as usize];
        by_hand::fill(id, user);
        #[cfg(feature = "peers")]
        peers::fill(id, user);
    }
    #[cfg(feature = "peers")]
    peers::settle();
    // The annotated functions fill their own.
    for case in ALL.iter().filter(|case| !case.name.contains("`get`")) {
        (case.run)(keys, keys, 0);
    }
}

/// The output of a future that seldom waits: no runtime is in the way of what is measured.
#[inline]
pub fn now<F: Future>(future: F) -> F::Output {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // Some peers have a lock that another thread may hold.
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
