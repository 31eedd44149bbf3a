//! Who waits for a load, and for how long.

use std::time::Duration;

use cachemacro::{Clock, cache_result};
use tokio::time::Instant;

use crate::{Bank, Failed, pass, say};

#[cache_result(ttl = "1m", jitter = "0%", early = on, key = "freshness:early")]
async fn early(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(
    ttl = "1m",
    jitter = "0%",
    early = on,
    stale_while_revalidate = "1m",
    key = "freshness:early-and-revalidated"
)]
async fn early_and_revalidated(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(ttl = "1m", jitter = "0%", stale_if_error = "1h", timeout = "200ms", key = "freshness:soft")]
async fn soft(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(ttl = "1m", jitter = "0%", timeout(hard = "2s"), key = "freshness:hard")]
async fn hard(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(ttl = "1h", jitter = "0%", refresh_every = "5m", key = "freshness:every")]
async fn kept(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

pub(crate) async fn show(clock: &Clock) -> cachemacro::Result<()> {
    let (bank, minute) = (Bank::default(), Duration::from_secs(60));
    let almost_a_minute = minute - Duration::from_millis(1);

    bank.takes(Duration::from_secs(5));
    bank.says(1);
    (early(&bank).await, early_and_revalidated(&bank).await).0.expect("the bank is up");
    bank.says(2);
    pass(clock, almost_a_minute).await;
    // By chance, which is next to certain now; and once it was so, the newer value is there.
    for _ in 0..10 {
        early(&bank).await.expect("the bank is up");
    }
    assert_eq!(early(&bank).await, Ok(2));
    say("early = on", "just before the end of its ttl: a newer value, which its caller has loaded");
    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(early_and_revalidated(&bank).await, Ok(1));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    // Time for the background, and none for the cache, whose value has a millisecond left.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(early_and_revalidated(&bank).await, Ok(2));
    say("early, and revalidated", "the same in the background: nobody has waited");

    bank.takes(Duration::ZERO);
    bank.says(1);
    soft(&bank).await.expect("the bank is up");
    pass(clock, minute).await;
    bank.says(2);
    bank.takes(Duration::from_secs(5));
    let start = Instant::now();
    assert_eq!(soft(&bank).await, Ok(1));
    let waited = start.elapsed();
    assert_eq!(waited, Duration::from_millis(200));
    pass(clock, Duration::from_secs(5)).await;
    assert_eq!(soft(&bank).await, Ok(2));
    say(
        "timeout = \"200ms\"",
        format_args!("the bank takes 5 s: the old rate after {waited:?}, and the new one once it is there"),
    );

    let start = Instant::now();
    assert_eq!(hard(&bank).await, Err(Failed::Late));
    let waited = start.elapsed();
    assert_eq!(waited, Duration::from_secs(2));
    pass(clock, Duration::from_secs(5)).await;
    let before = bank.asked();
    assert_eq!((hard(&bank).await, bank.asked()), (Ok(2), before), "its load went on");
    say(
        "timeout(hard = \"2s\")",
        format_args!("the bank takes 5 s: no answer after {waited:?}, and the value once it is there"),
    );

    bank.takes(Duration::ZERO);
    kept(&bank).await.expect("the bank is up");
    pass(clock, Duration::ZERO).await;
    let before = bank.asked();
    for _ in 0..12 {
        pass(clock, 5 * minute).await;
    }
    bank.says(3);
    let loads = bank.asked() - before;
    assert_eq!((loads, kept(&bank).await), (12, Ok(2)));
    say(
        "refresh_every = \"5m\"",
        format_args!(
            "an hour without a call: {loads} loads, and the call after it finds what is 5 minutes old\n"
        ),
    );
    Ok(())
}
