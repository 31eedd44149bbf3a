//! What an attribute may say of time: each argument does its thing, and says so.
//!
//! ```sh
//! cargo run --release --example freshness
//! ```
//!
//! It needs no server, and its time is moved by hand, so that it always prints:
//!
//! ```text
//!                           plain            stale_if_error   stale_while_revalidate
//! first call                rate 1           rate 1           rate 1
//! a minute later, changed   rate 2           rate 2           rate 1
//! right after that          rate 2           rate 2           rate 2
//! a minute later, down      the bank is down rate 2           rate 2
//! invalidated, still down   the bank is down the bank is down the bank is down
//! up again                  rate 3           rate 3           rate 3
//!
//! ttl_class = "realtime"    a value lives for 60 s
//! ttl = |value| …           a rate of 30 lives for 30 s, a rate of 90 for 90 s
//! negative_ttl = "10s"      a `None` lives for 10 s, a value for 3600 s
//! jitter = "20%"            of 100 values each lives for 80 s to 100 s, and not all as long
//! idle = "10m"              hit every 8 minutes of a day: 1 load; left alone for 11 minutes: 1 more
//!
//! early = on                just before the end of its ttl: a newer value, which its caller has loaded
//! early, and revalidated    the same in the background: nobody has waited
//! timeout = "200ms"         the bank takes 5 s: the old rate after 200ms, and the new one once it is there
//! timeout(hard = "2s")      the bank takes 5 s: no answer after 2s, and the value once it is there
//! refresh_every = "5m"      an hour without a call: 12 loads, and the call after it finds what is 5 minutes old
//!
//! Cache::set_ttl_class      "realtime" is 15 s: a value lives for 15 s
//! Cache::tune               a ttl of 2 h
//! a file                    a ttl of 3 h
//! the file, changed         a ttl of 4 h
//! the file, wrong           line 3 of the file of tunings: unknown `tll`; and still a ttl of 4 h
//! ```

mod lifetimes;
mod outage;
mod refreshes;
mod tuning;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Clock, Handle};

/// Where rates come from. It is down while there is none.
#[derive(Clone, Default)]
struct Bank(Arc<State>);

#[derive(Default)]
struct State {
    rate: AtomicU64,
    takes_ms: AtomicU64,
    asked: AtomicU64,
}

/// It cannot change a result that the key does not tell apart: there is one bank.
impl Handle for Bank {}

#[derive(Clone, Debug, PartialEq)]
enum Failed {
    Down,
    /// The call has given up.
    Late,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Down => "the bank is down",
            Self::Late => "no answer",
        })
    }
}

/// What `timeout(hard = …)` gives up with.
impl From<cachemacro::Error> for Failed {
    fn from(_: cachemacro::Error) -> Self {
        Self::Late
    }
}

impl Bank {
    fn says(&self, rate: u64) {
        self.0.rate.store(rate, Ordering::SeqCst);
    }

    fn is_down(&self) {
        self.says(0);
    }

    fn takes(&self, time: Duration) {
        self.0.takes_ms.store(time.as_millis() as u64, Ordering::SeqCst);
    }

    /// How often it was asked.
    fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::SeqCst)
    }

    async fn rate(&self) -> Result<u64, Failed> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.0.takes_ms.load(Ordering::SeqCst))).await;
        Some(self.0.rate.load(Ordering::SeqCst)).filter(|rate| *rate > 0).ok_or(Failed::Down)
    }
}

// Time goes on where this program waits, and nowhere else.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> cachemacro::Result<()> {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await?;
    cache.clone().install()?;
    outage::show(&clock).await?;
    lifetimes::show(&clock).await?;
    refreshes::show(&clock).await?;
    tuning::show(&cache).await
}

/// Lets time go by for the cache and for what runs in the background, and lets that end.
async fn pass(clock: &Clock, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        // Not all at once: a load that runs keeps its lease every second.
        let step = left.min(Duration::from_secs(1));
        tokio::time::sleep(step).await;
        clock.advance(step);
        left -= step;
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn say(argument: &str, what: impl fmt::Display) {
    println!("{argument:<25} {what}");
}
