//! Functions with a `memory` of their own: their values evict each other, and no others.

use std::sync::Arc;

use cachemacro::store::memory::MemoryLimits;
use cachemacro::{Cache, Tuning, cache_result};

use crate::support::Source;

/// What all other functions may take.
const COMMON: u64 = 256 << 10;

/// What `report` and `chart` may.
const OWN: u64 = 1 << 20;

const LARGE: usize = 10 << 10;

#[cache_result(ttl = "1h", key = "rooms:user:<id>", skip(source))]
async fn user(source: &Source, id: u64) -> Arc<u64> {
    let _ = id;
    Arc::new(source.load().await)
}

#[cache_result(ttl = "1h", key = "rooms:report:<id>", memory = "1MiB", skip(source))]
async fn report(source: &Source, id: u64) -> Arc<String> {
    source.load().await;
    Arc::new(format!("{id:LARGE$}"))
}

#[cache_result(ttl = "1h", key = "rooms:report:<number>", shares = report, skip(source))]
async fn report_again(source: &Source, number: u64) -> Arc<String> {
    source.load().await;
    Arc::new(format!("{number:LARGE$}"))
}

#[cache_result(ttl = "1h", key = "rooms:draft:<id>")]
async fn draft(id: u64) -> Arc<String> {
    Arc::new(format!("{id:LARGE$}"))
}

#[cache_result(ttl = "1h", key = "rooms:chart:<id>", tier = local, memory = "1MiB")]
async fn chart(id: u64) -> [u64; LARGE / 8] {
    [id; LARGE / 8]
}

async fn embedded() -> Cache {
    let limits = MemoryLimits { bytes_max: COMMON, ..MemoryLimits::default() };
    Cache::builder().memory(limits).build().await.expect("nothing to connect to")
}

/// Reads all users, and says how many of them had to be loaded.
async fn users(source: &Source) -> usize {
    let before = source.loads();
    for id in 0..100 {
        user(source, id).await;
    }
    source.loads() - before
}

fn bytes(cache: &Cache) -> u64 {
    cache.status().local.expect("there are some").1
}

#[tokio::test]
async fn large_values_of_one_function_push_out_no_others() {
    let (cache, source) = (embedded().await, Source::open());
    let within = async {
        assert_eq!(users(&source).await, 100);
        for id in 0..500 {
            report(&source, id).await;
            report(&source, id).await;
            assert!(bytes(&cache) <= COMMON + OWN, "{} bytes after {id}", bytes(&cache));
        }
        assert!(bytes(&cache) > OWN / 2, "its room is used: {} bytes", bytes(&cache));
        assert_eq!(users(&source).await, 0);
    };
    cache.scope(within).await;
    let (cache, source) = (embedded().await, Source::open());
    let without = async {
        users(&source).await;
        for id in 0..500 {
            // What is used again is worth as much as what was used before.
            draft(id).await;
            draft(id).await;
        }
        assert!(users(&source).await > 0, "without a room of their own, they do");
        assert!(bytes(&cache) <= COMMON, "{} bytes", bytes(&cache));
    };
    cache.scope(without).await;
}

#[tokio::test]
async fn whoever_knows_a_key_finds_its_room() {
    let (cache, source) = (embedded().await, Source::open());
    let steps = async {
        let loads = async || {
            report(&source, 7).await;
            assert_eq!(*report_again(&source, 7).await, format!("{:LARGE$}", 7));
            source.loads()
        };
        assert_eq!(loads().await, 1, "who shares its entries does too");
        report::invalidate(7).await.unwrap();
        assert_eq!(loads().await, 2);
        cache.invalidate(&report::key(7)).await.unwrap();
        assert_eq!(loads().await, 3);
        assert_eq!(cache.invalidate_pattern("rooms:rep*").await.unwrap().removed, 1);
        assert_eq!(loads().await, 4);
        report::guard(7).await.unwrap().finish().await.unwrap();
        assert_eq!(loads().await, 5);
        report::refresh(&source, 7).await;
        assert_eq!(loads().await, 6);
    };
    cache.scope(steps).await;
}

#[tokio::test]
async fn its_size_can_be_set_while_the_program_runs() {
    let (cache, source) = (embedded().await, Source::open());
    let fill = async || {
        for id in 0..300 {
            cache.scope(report(&source, id)).await;
        }
        bytes(&cache)
    };
    assert!(fill().await > OWN / 2);
    cache.tune("report", Tuning::new().memory(128 << 10)).unwrap();
    assert!(bytes(&cache) <= 128 << 10, "{} bytes are left at once", bytes(&cache));
    let small = fill().await;
    assert!((64 << 10..=128 << 10).contains(&small), "{small} bytes");
    cache.tune("report", Tuning::new()).unwrap();
    assert!(fill().await > OWN / 2, "it is what the attribute says again");
    let tuned = Cache::builder().tune("report", Tuning::new().memory(128 << 10)).build().await.unwrap();
    for id in 0..300 {
        tuned.scope(report(&source, id)).await;
    }
    assert!(bytes(&tuned) <= 128 << 10, "{} bytes", bytes(&tuned));
    for (name, bytes, said) in [
        ("draft", 1 << 20, "`draft` has no `memory` in its attribute, where its room is made; add it there"),
        ("report", 1, "the memory of `report` is not from 64 KiB to 64 GiB"),
    ] {
        let error = cache.tune(name, Tuning::new().memory(bytes)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[cfg(feature = "tuning-file")]
#[tokio::test]
async fn a_file_of_tunings_says_it_too() {
    let path = std::env::temp_dir().join(format!("cachemacro-rooms-{}.toml", std::process::id()));
    std::fs::write(&path, "[function.report]\nmemory = \"128KiB\"\n").unwrap();
    let (cache, source) = (Cache::builder().tuning_file(&path).build().await.unwrap(), Source::open());
    for id in 0..300 {
        cache.scope(report(&source, id)).await;
    }
    assert!(bytes(&cache) <= 128 << 10, "{} bytes", bytes(&cache));
    std::fs::remove_file(&path).unwrap();
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn what_is_kept_near_and_what_is_local_have_rooms_too() {
    use crate::support::{RedisServer, eventually};
    use cachemacro::TierName;

    let (server, source) = (RedisServer::start(), Source::open());
    let limits = MemoryLimits { bytes_max: COMMON, ..MemoryLimits::default() };
    let builder = Cache::builder().url(server.url()).near(COMMON).memory(limits);
    let cache = builder.build().await.expect("the server answers");
    let is_near = async |id| {
        let peek = cache.scope(user::peek(id)).await.expect("the server answers");
        peek.is_some_and(|peek| peek.tier == TierName::Near)
    };
    for id in 0..20 {
        eventually("it is kept", async || {
            cache.scope(user(&source, id)).await;
            is_near(id).await
        })
        .await;
    }
    let near = || cache.status().near.expect("values are kept near").bytes;
    eventually("its room is used", async || {
        for id in 0..200 {
            cache.scope(report(&source, id)).await;
            assert!(near() <= COMMON + OWN, "{} bytes", near());
        }
        near() > OWN / 2
    })
    .await;
    for id in 0..20 {
        assert!(is_near(id).await, "{id} was pushed out");
    }
    for id in 0..300 {
        cache.scope(chart(id)).await;
        assert!(bytes(&cache) <= OWN, "{} bytes", bytes(&cache));
    }
    assert!(bytes(&cache) > OWN / 2);
    cache.tune("chart", Tuning::new().memory(64 << 10)).unwrap();
    cache.tune("report", Tuning::new().memory(64 << 10)).unwrap();
    assert!(bytes(&cache) <= 64 << 10, "{} bytes", bytes(&cache));
    assert!(near() <= COMMON + (64 << 10), "{} bytes", near());
}
