//! The connection on which Redis tells of changes: lost, silent, refused.

use std::time::Duration;

use cachemacro::{Clock, TierName};

use super::{builder, coherent, connect, kept, number, put, read, tier, write};
use crate::support::{RedisServer, Source, eventually};

#[tokio::test]
async fn when_the_connection_is_lost_all_that_was_kept_is_dropped() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    kept(&cache, &source).await;
    let epoch = cache.status().near.unwrap().epoch;
    kill_trackers(&server);
    eventually("it is noticed", async || cache.status().near.unwrap().epoch > epoch).await;
    coherent(&cache).await;
    assert_eq!(tier(&cache).await, Some(TierName::Shared));
    assert_eq!(kept(&cache, &source).await, 1);
    assert_eq!(source.loads(), 1, "it was in Redis all the time");
}

#[tokio::test]
async fn what_changes_while_there_is_no_connection_is_seen() {
    let server = RedisServer::start();
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let source = Source::open();
    for value in 2..6 {
        kept(&here, &source).await;
        kill_trackers(&server);
        elsewhere.scope(write(&source, 7, value)).await.unwrap();
        eventually("it is seen", async || read(&here, &source).await == value).await;
        coherent(&here).await;
        assert_eq!(kept(&here, &source).await, value);
    }
}

#[tokio::test]
async fn what_redis_does_not_confirm_in_time_is_not_served() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    let staleness = Duration::from_secs(1);
    let cache = builder(&server).clock(clock.clone()).staleness(staleness).build().await.unwrap();
    coherent(&cache).await;
    let source = Source::open();
    kept(&cache, &source).await;
    server.stop_signal();
    // The last sign of life that Redis was asked for may have been answered just before it was stopped.
    clock.advance(staleness / 2);
    assert_eq!(read(&cache, &source).await, 1);
    assert_eq!(source.loads(), 1, "within the bound, it is served");
    clock.advance(staleness / 2);
    source.write(2);
    assert_eq!(read(&cache, &source).await, 2, "past it, Redis is asked, and in its place the body");
    let near = cache.status().near.unwrap();
    assert!(near.coherent_for.is_none() && near.why_not.is_some(), "{near}");
    server.continue_signal();
    coherent(&cache).await;
}

#[tokio::test]
async fn a_restart_with_an_empty_memory_is_noticed() {
    let mut server = RedisServer::start();
    let cache = connect(&server).await;
    let source = Source::open();
    kept(&cache, &source).await;
    server.restart();
    source.write(2);
    eventually("the body runs", async || read(&cache, &source).await == 2).await;
    coherent(&cache).await;
    assert_eq!(kept(&cache, &source).await, 2);
}

#[tokio::test]
async fn where_redis_refuses_to_tell_of_changes_nothing_is_kept_and_all_else_works() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "default", "-client|tracking", "-subscribe"]);
    let (here, elsewhere) =
        (builder(&server).build().await.unwrap(), builder(&server).build().await.unwrap());
    eventually("it is refused", async || {
        here.status().near.unwrap().why_not.is_some_and(|why| why.contains("NOPERM"))
    })
    .await;
    let source = Source::open();
    for value in 2..6 {
        read(&here, &source).await;
        assert_eq!(tier(&here).await, Some(TierName::Shared));
        elsewhere.scope(write(&source, 7, value)).await.unwrap();
        assert_eq!(read(&here, &source).await, value);
    }
    assert!(here.status().to_string().contains("nothing is served from it"), "{}", here.status());
}

#[tokio::test]
async fn where_publishing_is_refused_too_nothing_is_kept() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "default", "-client|tracking", "resetchannels"]);
    let cache = builder(&server).build().await.unwrap();
    eventually("it is refused", async || cache.status().near.unwrap().why_not.is_some()).await;
    let source = Source::open();
    read(&cache, &source).await;
    read(&cache, &source).await;
    assert_eq!(tier(&cache).await, Some(TierName::Shared));
    cache.scope(write(&source, 7, 2)).await.unwrap();
    assert_eq!(read(&cache, &source).await, 2);
}

#[tokio::test]
async fn where_redis_refuses_to_tell_of_changes_invalidations_are_published() {
    let servers = [RedisServer::start(), RedisServer::start_with(&["--rename-command", "CLIENT", ""])];
    servers[0].cli(&["ACL", "SETUSER", "default", "-client|tracking"]);
    for server in &servers {
        let (here, elsewhere) = (connect(server).await, connect(server).await);
        let near = here.status().near.unwrap();
        assert!(!near.tells_all && near.to_string().ends_with("told of invalidations alone"), "{near}");
        let source = Source::open();
        for value in 2..6 {
            kept(&here, &source).await;
            match value % 2 {
                0 => elsewhere.scope(write(&source, 7, value)).await.unwrap(),
                _ => drop(elsewhere.scope(put(&source, 7, value)).await.unwrap()),
            }
            eventually("it is seen", async || read(&here, &source).await == value).await;
        }
    }
}

#[tokio::test]
async fn what_is_published_is_told_of_keys_too_that_redis_has_lost() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "default", "-client|tracking"]);
    let (here, elsewhere) = (connect(&server).await, connect(&server).await);
    let source = Source::open();
    for way in ["call", "guard", "pattern"] {
        kept(&here, &source).await;
        assert_eq!(server.cli(&["UNLINK", "near:number:7"]), "1");
        let loads = source.loads();
        // Nobody has invalidated it.
        read(&here, &source).await;
        assert_eq!(source.loads(), loads, "{way}");
        match way {
            "call" => elsewhere.scope(number::invalidate(7)).await.unwrap(),
            "guard" => elsewhere.scope(number::guard(7)).await.unwrap().finish().await.unwrap(),
            _ => drop(elsewhere.invalidate_pattern("near:number:*").await.unwrap()),
        }
        eventually("it is seen", async || {
            read(&here, &source).await;
            source.loads() > loads
        })
        .await;
    }
}

#[tokio::test]
async fn a_full_redis_goes_on_confirming() {
    let server = RedisServer::start();
    let clock = Clock::manual();
    let cache = builder(&server).clock(clock.clone()).build().await.unwrap();
    coherent(&cache).await;
    let source = Source::open();
    kept(&cache, &source).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    clock.advance(Duration::from_secs(10));
    coherent(&cache).await;
    assert_eq!(read(&cache, &source).await, 1);
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn nothing_is_kept_where_that_is_turned_off() {
    let server = RedisServer::start();
    let cache = server.cache().await;
    let source = Source::open();
    assert_eq!((read(&cache, &source).await, read(&cache, &source).await), (1, 1));
    assert_eq!(tier(&cache).await, Some(TierName::Shared));
    assert!(trackers(&server).is_empty());
    let status = cache.status();
    assert_eq!((&status.near, status.near_off), (&None, Some("it was turned off by `near(0)`")));
    assert!(status.to_string().contains("near: nothing is kept, as it was turned off"), "{status}");
}

#[tokio::test]
async fn a_close_ends_the_connection() {
    let server = RedisServer::start();
    let cache = connect(&server).await;
    assert!(trackers(&server).len() == 1);
    assert!(cache.close(Duration::from_secs(20)).await.in_time);
    eventually("it is closed", async || trackers(&server).is_empty()).await;
}

/// The connections that Redis tells of changes, by their ids.
fn trackers(server: &RedisServer) -> Vec<String> {
    let is_tracked = |line: &&str| {
        let flags = line.split(' ').find_map(|field| field.strip_prefix("flags="));
        flags.is_some_and(|flags| flags.contains('B') && flags.contains('t'))
    };
    let clients = server.cli(&["CLIENT", "LIST"]);
    let ids = clients.lines().filter(is_tracked).filter_map(|line| line.strip_prefix("id="));
    ids.filter_map(|rest| rest.split(' ').next()).map(str::to_owned).collect()
}

fn kill_trackers(server: &RedisServer) {
    for id in trackers(server) {
        server.cli(&["CLIENT", "KILL", "ID", &id]);
    }
}
