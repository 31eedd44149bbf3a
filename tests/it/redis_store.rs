//! The Redis store on a real server: the suite that every store passes, and what only a server can do to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cachemacro_runtime::error::ErrorKind;
use cachemacro_runtime::store::conformance::{self, Harness};
use cachemacro_runtime::store::redis::{RedisConfig, RedisStore};
use cachemacro_runtime::store::{
    Ask, Fill, Found, Lease, Pattern, Permit, Scan, Store, StoreFuture, Token, Verdict,
};

use crate::support::{RedisServer, eventually};

const LEASE_TTL: Duration = Duration::from_secs(60);
/// Room for a slow machine where a test says "at once".
const SOON: Duration = Duration::from_secs(2);

// ---- the suite ----

struct OnServer {
    server: RedisServer,
    store: Arc<RedisStore>,
}

impl Harness for OnServer {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn elapse<'a>(&'a self, key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            // What ends by itself in time is left to.
            if ttl > Duration::from_millis(10) {
                self.server.cli_bytes(&[b"PEXPIRE", key, b"1"]);
            }
            eventually("the key expires", || async { self.server.cli_bytes(&[b"EXISTS", key]) == "0" }).await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms() {
    let server = RedisServer::start();
    let store = Arc::new(connect(&server).await);
    conformance::run(&OnServer { server, store }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_on_a_server_before_redis_7() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.before_redis_7 = true;
    let store = Arc::new(RedisStore::connect(config).await.expect("a connection"));
    conformance::run(&OnServer { server, store }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_conforms_over_resp3_on_a_socket_with_a_password() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">secret", "~*", "+@all"]);
    let url = format!("unix://{}?user=cache&pass=secret&protocol=resp3", server.socket().display());
    let mut config = RedisConfig::new(url);
    config.budget = Duration::from_secs(5);
    let store = Arc::new(RedisStore::connect(config).await.expect("a connection"));
    conformance::run(&OnServer { server, store }).await;
}

// ---- connecting ----

#[tokio::test]
async fn an_unusable_url_is_refused_without_being_repeated() {
    for url in ["redis://user:secret@host/secret", "rediss://:secret@host", "http://secret", "secret"] {
        let error = RedisStore::connect(RedisConfig::new(url)).await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_at_once() {
    let mut server = RedisServer::start();
    server.kill();
    let start = Instant::now();
    let error = RedisStore::connect(config(&server)).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "redis connect: connection refused");
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_not_repeated() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">right", "~*", "+@all"]);
    let wrong = format!("redis://cache:wrong@127.0.0.1:{}", server.port());
    let error = RedisStore::connect(RedisConfig::new(wrong)).await.expect_err("a wrong password");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn a_store_that_connects_lazily_fails_at_once_and_then_serves() {
    let mut server = RedisServer::start();
    server.kill();
    let store = RedisStore::connect_lazily(config(&server)).expect("a usable config");
    eventually("the first dialling fails", || async {
        let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("nobody serves") };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        error.to_string() == r#"redis lookup "k": connection refused"#
    })
    .await;
    server.restart();
    eventually("the store serves", || async { matches!(lead(&store, b"k").await.1, Found::Lead) }).await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert!(store.close(Duration::from_secs(5)).await);
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("it is closed") };
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(store.invalidate(&[b"k"]).await.expect_err("it is closed").kind(), ErrorKind::Closed);
    // Two for the connections, and one for the asker.
    eventually("the connections are closed", || async { clients(&server) == 1 }).await;
}

#[tokio::test]
async fn a_dropped_store_closes_its_connections() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    assert_eq!(clients(&server), 3);
    drop(store);
    eventually("the connections are closed", || async { clients(&server) == 1 }).await;
}

// ---- outages ----

#[tokio::test]
async fn a_server_that_stands_still_costs_the_budget_and_recovers() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(50);
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    let start = Instant::now();
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("nobody answers") };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(50) && start.elapsed() < SOON, "{:?}", start.elapsed());
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"other").await, Found::Absent) }).await;
    assert_eq!(ids(&server), before, "a timeout alone keeps the connections");
}

#[tokio::test]
async fn a_connection_that_stays_silent_is_replaced() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(20);
    config.connect_timeout = Duration::from_millis(100);
    config.connections = 1;
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    eventually("the connection is given up", || async {
        let Found::Failed(error) = read(&store, b"k").await else { panic!("nobody answers") };
        error.kind() == ErrorKind::Unavailable
    })
    .await;
    let start = Instant::now();
    assert!(matches!(read(&store, b"k").await, Found::Failed(_)));
    assert!(start.elapsed() < Duration::from_millis(20), "without a connection there is nothing to wait for");
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"k").await, Found::Absent) }).await;
    assert!(before.iter().all(|id| !ids(&server).contains(id)), "the connection is a new one");
}

#[tokio::test]
async fn a_slow_server_that_answers_at_last_keeps_its_connection() {
    let server = RedisServer::start();
    let mut config = config(&server);
    config.budget = Duration::from_millis(20);
    config.connect_timeout = Duration::from_secs(20);
    config.connections = 1;
    let store = RedisStore::connect(config).await.expect("a connection");
    let before = ids(&server);
    server.stop_signal();
    let start = Instant::now();
    eventually("the connection is in doubt", || async {
        assert!(matches!(read(&store, b"k").await, Found::Failed(_)));
        start.elapsed() > Duration::from_millis(2_500)
    })
    .await;
    server.continue_signal();
    eventually("the store serves", || async { matches!(read(&store, b"k").await, Found::Absent) }).await;
    assert_eq!(ids(&server), before);
}

#[tokio::test]
async fn a_server_that_restarts_empty_is_found_again_and_refuses_old_leases() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    let (token, found) = lead(&store, b"k").await;
    assert!(matches!(found, Found::Lead));
    server.kill();
    let start = Instant::now();
    let error = fill(&store, b"k", token).await.expect_err("nobody serves");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(start.elapsed() < SOON);
    server.restart();
    eventually("the store serves", || async { !matches!(read(&store, b"k").await, Found::Failed(_)) }).await;
    assert_eq!(fill(&store, b"k", token).await.expect("an answer"), Verdict::Refused);
    assert!(matches!(lead(&store, b"k").await.1, Found::Lead));
}

#[tokio::test]
async fn connections_that_the_server_cuts_come_back_by_themselves() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let before = ids(&server);
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    // Nothing is asked of the store meanwhile: it sees the cut by itself.
    eventually("both connections are new ones", || async {
        let now = ids(&server);
        now.len() == 2 && before.iter().all(|id| !now.contains(id))
    })
    .await;
    for key in 0..20_u8 {
        assert!(matches!(lead(&store, &[key]).await.1, Found::Lead));
    }
}

#[tokio::test]
async fn a_server_without_our_scripts_is_taught_them() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for round in 0..3 {
        server.cli(&["SCRIPT", "FLUSH"]);
        let (token, found) = lead(&store, b"k").await;
        assert!(matches!(found, Found::Lead), "round {round}: {found:?}");
        assert_eq!(fill(&store, b"k", token).await.expect("an answer"), Verdict::Accepted);
        server.cli(&["SCRIPT", "FLUSH"]);
        let keys: [&[u8]; 3] = [b"absent", b"k", b"none"];
        assert_eq!(store.invalidate(&keys).await.expect("an answer"), 1);
    }
}

// ---- servers that refuse writes ----

#[tokio::test]
async fn a_full_server_is_read_and_invalidated() {
    for before_redis_7 in [false, true] {
        let server = RedisServer::start();
        let mut config = config(&server);
        config.before_redis_7 = before_redis_7;
        let store = RedisStore::connect(config).await.expect("a connection");
        put(&store, b"there").await;
        let (held, _) = lead(&store, b"held").await;
        let (renewed, _) = lead(&store, b"renewed").await;
        server.cli(&["CONFIG", "SET", "maxmemory", "1"]);

        let (_, found) = lead(&store, b"there").await;
        assert!(matches!(&found, Found::Hit(entry) if &entry.payload[..] == b"payload"), "{found:?}");
        let (_, found) = lead(&store, b"absent").await;
        assert!(matches!(found, Found::Absent), "{found:?}");
        let (_, found) = lead(&store, b"held").await;
        assert!(matches!(found, Found::Busy), "{found:?}");

        let error = fill(&store, b"held", held).await.expect_err("the server is full");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.to_string(), r#"redis fill "held": the server is full (OOM)"#);
        let lease = Lease { token: renewed, ttl: LEASE_TTL };
        assert_eq!(store.renew(b"renewed", lease).await.expect("an answer"), Verdict::Accepted);
        assert_eq!(store.release(b"renewed", renewed).await.expect("an answer"), Verdict::Accepted);
        let keys: [&[u8]; 3] = [b"there", b"held", b"absent"];
        assert_eq!(store.invalidate(&keys).await.expect("an answer"), 2);
        assert_eq!(server.cli(&["DBSIZE"]), "0");
    }
}

#[tokio::test]
async fn a_read_only_replica_is_read() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    put(&store, b"there").await;
    // No master is there, so the data stays as it is.
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let (_, found) = lead(&store, b"there").await;
    assert!(matches!(&found, Found::Hit(entry) if entry.ttl_left.is_some()), "{found:?}");
    assert!(matches!(lead(&store, b"absent").await.1, Found::Absent));
    let error = store.invalidate(&[b"there"]).await.expect_err("it is read-only");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(store.invalidate(&[b"there"]).await.expect("an answer"), 1);
}

#[tokio::test]
async fn a_server_that_misses_its_replicas_is_read() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    put(&store, b"there").await;
    server.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert!(matches!(lead(&store, b"there").await.1, Found::Hit(_)));
    assert!(matches!(lead(&store, b"absent").await.1, Found::Absent));
}

#[tokio::test]
async fn a_user_without_permission_fails_and_hits_nothing() {
    let server = RedisServer::start_with(&["--user", "cache", "on", ">secret", "~*", "+@connection"]);
    let url = format!("redis://cache:secret@127.0.0.1:{}", server.port());
    let store = RedisStore::connect(RedisConfig::new(url)).await.expect("a connection");
    let Found::Failed(error) = lead(&store, b"k").await.1 else { panic!("it is not permitted") };
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

// ---- what others wrote ----

#[tokio::test]
async fn data_of_another_kind_is_left_alone() {
    let server = RedisServer::start();
    for before_redis_7 in [false, true] {
        let mut config = config(&server);
        config.before_redis_7 = before_redis_7;
        let store = RedisStore::connect(config).await.expect("a connection");
        server.cli(&["DEL", "list"]);
        server.cli(&["RPUSH", "list", "element"]);
        // One bad key does not fail the others.
        let lease = |token| Some(Lease { token, ttl: LEASE_TTL });
        let key = format!("beside {before_redis_7}").into_bytes();
        let asks = [
            Ask { key: b"list", lease: lease(Token::random()) },
            Ask { key: &key, lease: lease(Token::random()) },
            Ask { key: b"list", lease: None },
        ];
        let found = store.lookup(&asks).await;
        assert!(matches!(&found[..], [Found::OtherKind, Found::Lead, Found::OtherKind]), "{found:?}");
        let token = Token::random();
        assert_eq!(fill(&store, b"list", token).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.release(b"list", token).await.expect("an answer"), Verdict::Refused);
        let renewal = Lease { token, ttl: LEASE_TTL };
        assert_eq!(store.renew(b"list", renewal).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.invalidate(&[b"list"]).await.expect("an answer"), 0);
        assert_eq!(server.cli(&["LRANGE", "list", "0", "-1"]), "element");
        assert_eq!(server.cli(&["PTTL", "list"]), "-1");
    }
}

#[tokio::test]
async fn a_foreign_string_is_told_and_an_invalidation_removes_it() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    for text in ["foreign", "", "V", "Lost", "Goodbye", "a string that is longer than any head"] {
        server.cli(&["SET", "k", text]);
        assert!(matches!(lead(&store, b"k").await.1, Found::Foreign), "{text}");
        assert!(matches!(read(&store, b"k").await, Found::Foreign), "{text}");
        assert_eq!(fill(&store, b"k", Token::random()).await.expect("an answer"), Verdict::Refused);
        assert_eq!(store.invalidate(&[b"k"]).await.expect("an answer"), 1, "{text}");
        assert!(matches!(read(&store, b"k").await, Found::Absent), "{text}");
    }
}

#[tokio::test]
async fn a_guard_grants_no_lease_and_outlives_an_invalidation() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    server.cli(&["SET", "k", "Gxxxxxxxxxxxxxxxx and what a guard carries"]);
    assert!(matches!(lead(&store, b"k").await.1, Found::Absent));
    assert_eq!(store.invalidate(&[b"k"]).await.expect("an answer"), 0);
    assert_eq!(server.cli(&["EXISTS", "k"]), "1");
}

#[tokio::test]
async fn a_value_says_when_it_was_filled_by_the_servers_clock() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let now_ms = || -> u64 {
        let time = server.cli(&["TIME"]);
        let (seconds, micros) = time.split_once('\n').expect("two numbers");
        seconds.parse::<u64>().expect("seconds") * 1000 + micros.parse::<u64>().expect("microseconds") / 1000
    };
    let before = now_ms();
    put(&store, b"k").await;
    let script =
        "return string.format('%.0f', (struct.unpack('>I8', redis.call('GETRANGE', KEYS[1], 17, 24))))";
    let filled_at: u64 = server.cli(&["EVAL", script, "1", "k"]).parse().expect("a time");
    assert!((before..=now_ms()).contains(&filled_at), "{filled_at}");
}

// ---- dropped operations ----

#[tokio::test(flavor = "multi_thread")]
async fn lookups_dropped_in_flight_and_released_leave_no_lease() {
    let server = RedisServer::start();
    let store = connect(&server).await;
    let mut sent = 0;
    for round in 0..200_u32 {
        let key = format!("k{round}").into_bytes();
        let token = Token::random();
        let asks = [Ask { key: &key, lease: Some(Lease { token, ttl: LEASE_TTL }) }];
        {
            let mut lookup = store.lookup(&asks);
            // Polled until it is sent, and some more in some rounds, but not to its end.
            for _ in 0..=round % 3 {
                let poll = std::future::poll_fn(|cx| std::task::Poll::Ready(lookup.as_mut().poll(cx))).await;
                if poll.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        if store.release(&key, token).await.expect("an answer") == Verdict::Accepted {
            sent += 1;
        }
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    assert!(sent > 20, "only {sent} lookups of 200 reached the server: the test shows nothing");
}

#[tokio::test]
async fn a_scan_of_an_unreachable_server_is_an_error() {
    let mut server = RedisServer::start();
    let store = connect(&server).await;
    server.kill();
    let scan = Scan { pattern: &Pattern::new("*"), cursor: 0, page_len: 10 };
    assert_eq!(store.scan(scan).await.expect_err("nobody serves").kind(), ErrorKind::Unavailable);
}

// ---- steps ----

fn config(server: &RedisServer) -> RedisConfig {
    let mut config = RedisConfig::new(server.url());
    // The machine may be busy; tests about the budget set their own.
    config.budget = Duration::from_secs(5);
    config
}

async fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::connect(config(server)).await.expect("a connection")
}

async fn lead(store: &RedisStore, key: &[u8]) -> (Token, Found) {
    let token = Token::random();
    let found = store.lookup(&[Ask { key, lease: Some(Lease { token, ttl: LEASE_TTL }) }]).await.remove(0);
    (token, found)
}

async fn read(store: &RedisStore, key: &[u8]) -> Found {
    store.lookup(&[Ask { key, lease: None }]).await.remove(0)
}

async fn fill(store: &RedisStore, key: &[u8], token: Token) -> cachemacro_runtime::error::Result<Verdict> {
    let payload = Bytes::from_static(b"payload");
    let permit = Permit::Lease(token);
    store.fill(Fill { key, permit, fill_id: Token::random(), payload, ttl: Duration::from_secs(600) }).await
}

async fn put(store: &RedisStore, key: &[u8]) {
    let (token, found) = lead(store, key).await;
    assert!(matches!(found, Found::Lead), "{found:?}");
    assert_eq!(fill(store, key, token).await.expect("an answer"), Verdict::Accepted);
}

/// The ids of the connections to the server, but for the one that asks.
fn ids(server: &RedisServer) -> Vec<String> {
    let list = server.cli(&["CLIENT", "LIST"]);
    let others = list.lines().filter(|line| !line.contains("cmd=client|list"));
    others.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// How many connections the server has, the one that asks included.
fn clients(server: &RedisServer) -> usize {
    server.cli(&["CLIENT", "LIST"]).lines().count()
}
