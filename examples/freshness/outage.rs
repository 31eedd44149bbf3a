//! A source that changes, fails and comes back: with a ttl alone, and with values past their ttl.

use std::time::Duration;

use cachemacro::{Clock, cache_result};

use crate::{Bank, Failed, pass};

#[cache_result(ttl = "1m", jitter = "0%", key = "freshness:plain")]
async fn plain(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

/// Past its ttl, a rate is served for an hour more where there is no newer one to be had.
#[cache_result(ttl = "1m", jitter = "0%", stale_if_error = "1h", key = "freshness:covered")]
async fn covered(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

/// Nobody waits for a rate that is less than an hour past its ttl: it is loaded in the background.
#[cache_result(ttl = "1m", jitter = "0%", stale_while_revalidate = "1h", key = "freshness:revalidated")]
async fn revalidated(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

pub(crate) async fn show(clock: &Clock) -> cachemacro::Result<()> {
    let (bank, minute) = (Bank::default(), Duration::from_secs(60));
    let (one, two, three, down) = (Ok(1), Ok(2), Ok(3), Err(Failed::Down));
    println!("{:<25} {:<16} {:<16} stale_while_revalidate", "", "plain", "stale_if_error");
    bank.says(1);
    row("first call", clock, &bank, [&one, &one, &one]).await;
    pass(clock, minute).await;
    bank.says(2);
    row("a minute later, changed", clock, &bank, [&two, &two, &one]).await;
    row("right after that", clock, &bank, [&two, &two, &two]).await;
    pass(clock, minute).await;
    bank.is_down();
    row("a minute later, down", clock, &bank, [&down, &two, &two]).await;
    // What was invalidated is never served, whatever its attribute says of staleness.
    covered::invalidate().await?;
    revalidated::invalidate().await?;
    row("invalidated, still down", clock, &bank, [&down, &down, &down]).await;
    bank.says(3);
    row("up again", clock, &bank, [&three, &three, &three]).await;
    println!();
    Ok(())
}

async fn row(when: &str, clock: &Clock, bank: &Bank, expected: [&Result<u64, Failed>; 3]) {
    let answers = [plain(bank).await, covered(bank).await, revalidated(bank).await];
    assert_eq!(answers.each_ref(), expected, "{when}");
    let [plain, covered, revalidated] = answers.map(|answer| match answer {
        Ok(rate) => format!("rate {rate}"),
        Err(failed) => failed.to_string(),
    });
    println!("{when:<25} {plain:<16} {covered:<16} {revalidated}");
    // What runs in the background ends, as it would while a server waits for its next request.
    pass(clock, Duration::ZERO).await;
}
