//! A source that fails: what callers get with a ttl alone, with `stale_if_error`, and with `stale_while_revalidate`.
//!
//! ```sh
//! cargo run --release --example freshness
//! ```
//!
//! It needs no server, and its clock is moved by hand, so that it always prints:
//!
//! ```text
//!                           plain            stale_if_error   stale_while_revalidate
//! first call                rate 1           rate 1           rate 1
//! a minute later, changed   rate 2           rate 2           rate 1
//! right after that          rate 2           rate 2           rate 2
//! a minute later, down      the bank is down rate 2           rate 2
//! invalidated, still down   the bank is down the bank is down the bank is down
//! up again                  rate 3           rate 3           rate 3
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::{Cache, Clock, Handle, cache_result};

/// Where rates come from. It is down while there is none.
#[derive(Clone, Default)]
struct Bank(Arc<AtomicU64>);

/// It cannot change a result that the key does not tell apart: there is one bank.
impl Handle for Bank {}

#[derive(Clone, Debug)]
struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("the bank is down")
    }
}

impl Bank {
    fn says(&self, rate: u64) {
        self.0.store(rate, Ordering::SeqCst);
    }

    fn is_down(&self) {
        self.says(0);
    }

    async fn rate(&self) -> Result<u64, Down> {
        Some(self.0.load(Ordering::SeqCst)).filter(|rate| *rate > 0).ok_or(Down)
    }
}

#[cache_result(ttl = "1m", key = "freshness:plain")]
async fn plain(bank: &Bank) -> Result<u64, Down> {
    bank.rate().await
}

/// Past its ttl, a rate is served for an hour more where there is no newer one to be had.
#[cache_result(ttl = "1m", stale_if_error = "1h", key = "freshness:covered")]
async fn covered(bank: &Bank) -> Result<u64, Down> {
    bank.rate().await
}

/// Nobody waits for a rate that is less than an hour past its ttl: it is loaded in the background.
#[cache_result(ttl = "1m", stale_while_revalidate = "1h", key = "freshness:revalidated")]
async fn revalidated(bank: &Bank) -> Result<u64, Down> {
    bank.rate().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> cachemacro::Result<()> {
    let clock = Clock::manual();
    Cache::builder().clock(clock.clone()).build().await?.install()?;
    let bank = Bank::default();
    println!("{:<25} {:<16} {:<16} stale_while_revalidate", "", "plain", "stale_if_error");

    bank.says(1);
    show("first call", &bank).await;
    clock.advance(Duration::from_secs(60));
    bank.says(2);
    show("a minute later, changed", &bank).await;
    show("right after that", &bank).await;
    clock.advance(Duration::from_secs(60));
    bank.is_down();
    show("a minute later, down", &bank).await;
    // What was invalidated is never served, whatever its attribute says of staleness.
    covered::invalidate().await?;
    revalidated::invalidate().await?;
    show("invalidated, still down", &bank).await;
    bank.says(3);
    show("up again", &bank).await;
    Ok(())
}

async fn show(when: &str, bank: &Bank) {
    let [plain, covered, revalidated] = [plain(bank).await, covered(bank).await, revalidated(bank).await]
        .map(|answer| match answer {
            Ok(rate) => format!("rate {rate}"),
            Err(down) => down.to_string(),
        });
    println!("{when:<25} {plain:<16} {covered:<16} {revalidated}");
    // Lets what runs in the background end, as it would while a server waits for its next request.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}
