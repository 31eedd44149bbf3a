//! What a cache is told while the program runs.

use std::path::Path;
use std::time::Duration;

use cachemacro::{Cache, Clock, TtlClass, Tuning, cache_result};

use crate::lifetimes::of_a_class;
use crate::{Bank, Failed, say};

#[cache_result(ttl = "1h", jitter = "0%", key = "freshness:tuned", name = "tuned_rate")]
async fn tuned(bank: &Bank) -> Result<u64, Failed> {
    bank.rate().await
}

pub(crate) async fn show(cache: &Cache) -> cachemacro::Result<()> {
    let (bank, hour) = (Bank::default(), Duration::from_secs(60 * 60));
    bank.says(1);

    cache.set_ttl_class("realtime", TtlClass::Fixed(Duration::from_secs(15)))?;
    of_a_class::invalidate().await?;
    of_a_class(&bank).await.expect("the bank is up");
    let lives = of_a_class::peek().await?.expect("it is stored").ttl_left.as_secs();
    assert_eq!(lives, 15);
    say("Cache::set_ttl_class", format_args!("\"realtime\" is 15 s: a value lives for {lives} s"));

    cache.tune("tuned_rate", Tuning::new().ttl(2 * hour))?;
    let hours = hours(cache, &bank).await?;
    assert_eq!(hours, 2);
    say("Cache::tune", format_args!("a ttl of {hours} h"));

    let path = std::env::temp_dir().join(format!("freshness-{}.toml", std::process::id()));
    let shown = show_file(&path, &bank).await;
    // Nothing more is to be done if it cannot be removed.
    let _ = std::fs::remove_file(&path);
    shown
}

async fn show_file(path: &Path, bank: &Bank) -> cachemacro::Result<()> {
    let write = |text: &str| std::fs::write(path, text).expect("the temporary folder can be written to");
    write("[function.tuned_rate]\nttl = \"3h\"\n");
    let cache = Cache::builder().clock(Clock::manual()).tuning_file(path).build().await?;
    assert_eq!(hours(&cache, bank).await?, 3);
    say("a file", "a ttl of 3 h");

    write("[function.tuned_rate]\nttl = \"4h\" # while the program runs\n");
    while hours(&cache, bank).await? != 4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    say("the file, changed", "a ttl of 4 h");

    write("[function.tuned_rate]\nttl = \"5h\"\ntll = \"6h\"\n");
    let refusal = loop {
        match cache.status().notes.into_iter().find(|note| note.contains("line 3 of the file of tunings")) {
            Some(refusal) => break refusal,
            None => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    assert!(refusal.contains("unknown `tll`"), "{refusal}");
    assert_eq!(hours(&cache, bank).await?, 4);
    say("the file, wrong", "line 3 of the file of tunings: unknown `tll`; and still a ttl of 4 h");
    Ok(())
}

/// How long a value lives that is stored now.
async fn hours(cache: &Cache, bank: &Bank) -> cachemacro::Result<u64> {
    cache
        .scope(async {
            tuned::invalidate().await?;
            tuned(bank).await.expect("the bank is up");
            Ok(tuned::peek().await?.expect("it is stored").ttl_left.as_secs() / (60 * 60))
        })
        .await
}
