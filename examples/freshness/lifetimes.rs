//! How long values live.

use std::time::Duration;

use cachemacro::{Clock, cache_result};

use crate::{Bank, Failed, pass, say};

#[cache_result(ttl_class = "realtime", jitter = "0%", key = "freshness:class")]
pub(crate) async fn of_a_class(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(ttl = |rate| Duration::from_secs(*rate), jitter = "0%", key = "freshness:own")]
async fn as_it_says(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

#[cache_result(ttl = "1h", negative_ttl = "10s", jitter = "0%", key = "freshness:named:<name>")]
async fn named(name: &str) -> Option<u64> {
    (name == "euro").then_some(1)
}

#[cache_result(ttl = "100s", jitter = "20%", key = "freshness:jitter:<number>")]
async fn jittered(number: u64) -> u64 {
    number
}

#[cache_result(idle = "10m", key = "freshness:idle")]
async fn idling(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

pub(crate) async fn show(clock: &Clock) -> cachemacro::Result<()> {
    let bank = Bank::default();
    bank.says(30);

    of_a_class(&bank).await.expect("the bank is up");
    let lives = of_a_class::peek().await?.expect("it is stored").ttl_left.as_secs();
    assert_eq!(lives, 60);
    say("ttl_class = \"realtime\"", format_args!("a value lives for {lives} s"));

    let mut lives = Vec::new();
    for rate in [30, 90] {
        bank.says(rate);
        as_it_says::invalidate().await?;
        as_it_says(&bank).await.expect("the bank is up");
        lives.push(as_it_says::peek().await?.expect("it is stored").ttl_left.as_secs());
    }
    assert_eq!(lives, [30, 90]);
    say(
        "ttl = |value| …",
        format_args!("a rate of 30 lives for {} s, a rate of 90 for {} s", lives[0], lives[1]),
    );

    let mut lives = Vec::new();
    for name in ["doubloon", "euro"] {
        named(name).await;
        lives.push(named::peek(name).await?.expect("it is stored").ttl_left.as_secs());
    }
    assert_eq!(lives, [10, 3600]);
    say(
        "negative_ttl = \"10s\"",
        format_args!("a `None` lives for {} s, a value for {} s", lives[0], lives[1]),
    );

    let mut lives = Vec::new();
    for number in 0..100 {
        jittered(number).await;
        lives.push(jittered::peek(number).await?.expect("it is stored").ttl_left);
    }
    let bounds = Duration::from_secs(80)..=Duration::from_secs(100);
    assert!(lives.iter().all(|lives| bounds.contains(lives)), "it shortens, and never lengthens");
    assert!(lives.iter().any(|one| *one != lives[0]));
    say("jitter = \"20%\"", "of 100 values each lives for 80 s to 100 s, and not all as long");

    let before = bank.asked();
    for _ in 0..=24 * 60 / 8 {
        idling(&bank).await.expect("the bank is up");
        pass(clock, Duration::from_secs(8 * 60)).await;
    }
    let hit = bank.asked() - before;
    idling(&bank).await.expect("the bank is up");
    pass(clock, Duration::from_secs(11 * 60)).await;
    idling(&bank).await.expect("the bank is up");
    let left_alone = bank.asked() - before - hit;
    assert_eq!((hit, left_alone), (1, 1));
    say(
        "idle = \"10m\"",
        format_args!(
            "hit every 8 minutes of a day: {hit} load; left alone for 11 minutes: {left_alone} more\n"
        ),
    );
    Ok(())
}
