//! What every [`Store`] does, as cases that it is held to.
//!
//! Give the suite a store and a way to let time pass for a key, and call [`run`] in a test:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use cachemacro_runtime::clock::Clock;
//! use cachemacro_runtime::store::conformance::{self, Harness};
//! use cachemacro_runtime::store::memory::{MemoryLimits, MemoryStore};
//! use cachemacro_runtime::store::{Store, StoreFuture};
//!
//! struct InMemory {
//!     clock: Clock,
//!     store: Arc<MemoryStore>,
//! }
//!
//! impl Harness for InMemory {
//!     fn store(&self) -> Arc<dyn Store> {
//!         self.store.clone()
//!     }
//!
//!     // With a server: make the key expire, and return once it is gone.
//!     fn elapse<'a>(&'a self, _key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()> {
//!         Box::pin(async move { self.clock.advance(ttl) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = Clock::manual();
//! let store = Arc::new(MemoryStore::new(MemoryLimits::default(), clock.clone()));
//! conformance::run(&InMemory { clock, store }).await;
//! # }
//! ```
//!
//! The cases use keys with a random prefix of their own, so a shared server is fine. They need a
//! tokio runtime. A case that fails panics, and its message begins with the case's name.
//!
//! What they cannot show is what happens when the store fails or is slow: its own tests have to.

mod discards;
mod guards;
mod keys;
mod leases;
mod many;
mod values;

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;

use super::{Ask, Entry, Fill, Found, Lease, Permit, Store, StoreFuture, Token, Verdict};

/// A store under test, and time that passes at a word.
pub trait Harness: Send + Sync {
    /// The store; always the same one.
    fn store(&self) -> Arc<dyn Store>;

    /// Lets the time of `key`, whose ttl is `ttl`, be over; returns once the store would say so.
    ///
    /// An injected clock moves forward by `ttl`. Other keys may reach their end with it.
    fn elapse<'a>(&'a self, key: &'a [u8], ttl: Duration) -> StoreFuture<'a, ()>;
}

/// Runs every case, then closes the store.
///
/// # Panics
///
/// At the first case that fails.
pub async fn run(harness: &dyn Harness) {
    for case in cases() {
        case.run(harness).await;
    }
    closing_ends_in_time(harness).await;
}

/// The cases, for those who want to run them one by one.
pub fn cases() -> Vec<Case> {
    let guards = guards::cases().into_iter().map(|case| Case { needs_guards: true, ..case });
    [leases::cases(), values::cases(), keys::cases(), discards::cases(), many::cases(), guards.collect()]
        .concat()
}

/// One thing that every store does.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    needs_guards: bool,
    run: for<'a> fn(&'a Bench<'a>) -> StoreFuture<'a, ()>,
}

impl Case {
    /// What the store does, as a sentence in snake case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the case on keys of its own; one about guards does nothing with a store that has none.
    ///
    /// # Panics
    ///
    /// If the store does something else.
    pub async fn run(&self, harness: &dyn Harness) {
        let bench = Bench::new(harness);
        if self.needs_guards && !bench.store.capabilities().guards {
            return;
        }
        let mut case = (self.run)(&bench);
        let outcome = poll_fn(|context| {
            // The case is not polled again after a panic.
            match catch_unwind(AssertUnwindSafe(|| case.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        });
        if let Err(panic) = outcome.await {
            panic!("{}: {}", self.name, message_of(&*panic));
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Names cases after their functions.
macro_rules! name_cases {
    ($($name:ident),* $(,)?) => {
        pub(super) fn cases() -> Vec<super::Case> {
            vec![$(super::Case {
                name: stringify!($name),
                needs_guards: false,
                run: |bench| Box::pin($name(bench)),
            }),*]
        }
    };
}
use name_cases;

/// Long enough never to end during a case unless it is told to.
const LEASE_TTL: Duration = Duration::from_secs(60);
const VALUE_TTL: Duration = Duration::from_secs(600);
/// Larger payloads than this are not made for a test.
const OVERSIZE_MAX: usize = 64 << 20;

/// The store under test with keys of one case's own, and the steps that cases are made of.
struct Bench<'h> {
    harness: &'h dyn Harness,
    store: Arc<dyn Store>,
    prefix: String,
}

impl<'h> Bench<'h> {
    fn new(harness: &'h dyn Harness) -> Self {
        let prefix = format!("conformance:{:032x}:", rand::random::<u128>());
        Self { harness, store: harness.store(), prefix }
    }

    fn key(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [self.prefix.as_bytes(), name.as_ref()].concat()
    }

    async fn ask(&self, key: &[u8], lease: Option<Lease>) -> Found {
        let mut found = self.store.lookup(&[Ask { key, lease }]).await;
        assert_eq!(found.len(), 1, "one ask has one answer");
        found.remove(0)
    }

    /// Asks for a lease under a new token.
    async fn ask_to_lead(&self, key: &[u8]) -> (Token, Found) {
        let lease = new_lease();
        (lease.token, self.ask(key, Some(lease)).await)
    }

    /// Takes the lease, which has to be free.
    async fn lead(&self, key: &[u8]) -> Token {
        let (token, found) = self.ask_to_lead(key).await;
        assert!(matches!(found, Found::Lead), "the lease is not granted: {found:?}");
        token
    }

    /// Reads without a lease.
    async fn read(&self, key: &[u8]) -> Found {
        self.ask(key, None).await
    }

    /// Reads what has to be there.
    async fn hit(&self, key: &[u8]) -> Entry {
        match self.read(key).await {
            Found::Hit(entry) => entry,
            found => panic!("no value is there: {found:?}"),
        }
    }

    async fn fill(&self, key: &[u8], permit: Permit, payload: &[u8]) -> (Token, Verdict) {
        self.fill_for(key, permit, payload, VALUE_TTL).await
    }

    async fn fill_for(&self, key: &[u8], permit: Permit, payload: &[u8], ttl: Duration) -> (Token, Verdict) {
        let fill_id = Token::random();
        let fill = Fill { key, permit, fill_id, payload: Bytes::copy_from_slice(payload), ttl };
        (fill_id, self.store.fill(fill).await.expect("a fill is answered"))
    }

    /// Takes the lease and fills; returns the fill's id.
    async fn put(&self, key: &[u8], payload: &[u8]) -> Token {
        let token = self.lead(key).await;
        let (fill_id, verdict) = self.fill(key, Permit::Lease(token), payload).await;
        assert_eq!(verdict, Verdict::Accepted, "a fill under its lease is accepted");
        fill_id
    }

    async fn invalidate(&self, key: &[u8]) -> u64 {
        self.store.invalidate(&[key]).await.expect("an invalidation is answered")
    }

    async fn release(&self, key: &[u8], token: Token) -> Verdict {
        self.store.release(key, token).await.expect("a release is answered")
    }

    async fn renew(&self, key: &[u8], token: Token, ttl: Duration) -> Verdict {
        self.store.renew(key, Lease { token, ttl }).await.expect("a renewal is answered")
    }

    async fn elapse(&self, key: &[u8], ttl: Duration) {
        self.harness.elapse(key, ttl).await;
    }
}

fn new_lease() -> Lease {
    Lease { token: Token::random(), ttl: LEASE_TTL }
}

async fn closing_ends_in_time(harness: &dyn Harness) {
    let store = harness.store();
    for _ in 0..2 {
        assert!(store.close(Duration::from_secs(5)).await, "closing_ends_in_time: tasks are left");
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "a panic without a message",
    }
}
