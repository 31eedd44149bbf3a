//! Random commands on the memory store and on a real redis-server: they agree in what they answer
//! and in what is stored.
//!
//! The memory store runs the machine that the search goes through, so this ties the scripts to it.
//! Nothing expires: ttls are minutes, and how much is left of one is compared to within a minute.
//!
//! More sequences, and one that failed, whose seed is in the panic:
//!
//! ```sh
//! CACHEMACRO_DIFFERENTIAL_SEQUENCES=20000 cargo test --test it differential
//! CACHEMACRO_DIFFERENTIAL_SEED=17 CACHEMACRO_DIFFERENTIAL_SEQUENCES=1 cargo test --test it differential
//! ```

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;
use cachemacro_runtime::clock::Clock;
use cachemacro_runtime::store::memory::{MemoryLimits, MemoryStore};
use cachemacro_runtime::store::redis::{RedisConfig, RedisStore};
use cachemacro_runtime::store::{Ask, Entry, Fill, Found, Lease, Pattern, Permit, Put, Scan, Store, Token};

use crate::support::RedisServer;

const SEQUENCES: u64 = 200;
const STEPS: usize = 40;
const KEYS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_redis_agree() {
    agree(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_redis_agree_in_the_way_of_before_redis_7() {
    agree(true).await;
}

async fn agree(before_redis_7: bool) {
    let server = RedisServer::start();
    let mut config = RedisConfig::new(server.url());
    config.budget = Duration::from_secs(20);
    config.before_redis_7 = before_redis_7;
    let redis = RedisStore::connect(config).await.expect("a connection");
    let memory = MemoryStore::new(MemoryLimits::default(), Clock::system());
    let first = setting("SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let mut tally = BTreeMap::new();
    for at in 0..setting("SEQUENCES").unwrap_or(SEQUENCES) {
        let seed = first.wrapping_add(at);
        let mut sequence = Sequence::new(seed);
        for _ in 0..STEPS {
            let command = sequence.command();
            let answers = (command.run(&memory).await, command.run(&redis).await);
            let stored = (sequence.stored(&memory).await, sequence.stored(&redis).await);
            sequence.done.push(format!("{command:?} -> {}", answers.0));
            let history = || sequence.done.join("\n");
            assert_eq!(answers.0, answers.1, "answers differ, seed {seed}, after\n{}", history());
            assert_eq!(stored.0, stored.1, "contents differ, seed {seed}, after\n{}", history());
            if !matches!(command, Command::Lookup(_) | Command::Scan(_)) {
                *tally.entry((command.name(), answers.0)).or_insert(0) += 1;
            }
        }
    }
    println!("seeds from {first} on: {tally:#?}");
}

fn setting(name: &str) -> Option<u64> {
    let text = env::var(format!("CACHEMACRO_DIFFERENTIAL_{name}")).ok()?;
    Some(text.parse().expect("a number"))
}

/// One call of a store, with owned arguments.
#[derive(Debug)]
enum Command {
    Lookup(Vec<(Vec<u8>, Option<Lease>)>),
    Fill { key: Vec<u8>, permit: Permit, value: Value },
    FillMany(Vec<(Vec<u8>, Permit, Value)>),
    Renew(Vec<u8>, Lease),
    ReleaseMany(Vec<(Vec<u8>, Token)>),
    Release(Vec<u8>, Token),
    Discard(Vec<u8>, Token),
    Invalidate(Vec<Vec<u8>>),
    Scan(Pattern),
    Begin(Vec<Vec<u8>>, Lease),
    RenewGuards(Vec<Vec<u8>>, Lease),
    End(Vec<Vec<u8>>, Token),
    Put { key: Vec<u8>, guard: Token, value: Value },
}

#[derive(Debug)]
struct Value {
    fill_id: Token,
    /// The payload is this many bytes, all alike.
    bytes: usize,
    ttl: Duration,
}

impl Value {
    fn payload(&self) -> Bytes {
        vec![self.fill_id.as_bytes()[0]; self.bytes].into()
    }

    fn fill<'a>(&self, key: &'a [u8], permit: Permit) -> Fill<'a> {
        Fill { key, permit, fill_id: self.fill_id, payload: self.payload(), ttl: self.ttl }
    }
}

impl Command {
    fn name(&self) -> String {
        format!("{self:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
    }

    /// What the store answers, as far as stores have to agree.
    async fn run(&self, store: &dyn Store) -> String {
        match self {
            Self::Lookup(keys) => {
                let asks: Vec<_> = keys.iter().map(|(key, lease)| Ask { key, lease: *lease }).collect();
                let found = store.lookup(&asks).await;
                let all = found.iter().zip(&asks).map(|(found, ask)| told(found, ask.lease.is_none()));
                all.collect::<Vec<_>>().join(", ")
            }
            Self::Fill { key, permit, value } => {
                format!("{:?}", store.fill(value.fill(key, *permit)).await)
            }
            Self::FillMany(fills) => {
                let fills = fills.iter().map(|(key, permit, value)| value.fill(key, *permit));
                format!("{:?}", store.fill_many(fills.collect()).await)
            }
            Self::ReleaseMany(leases) => {
                let leases: Vec<(&[u8], Token)> =
                    leases.iter().map(|(key, token)| (&key[..], *token)).collect();
                format!("{:?}", store.release_many(&leases).await)
            }
            Self::Renew(key, lease) => format!("{:?}", store.renew(key, *lease).await),
            Self::Release(key, token) => format!("{:?}", store.release(key, *token).await),
            Self::Discard(key, fill_id) => format!("{:?}", store.discard(key, *fill_id).await),
            Self::Invalidate(keys) => format!("{:?}", store.invalidate(&slices(keys)).await),
            Self::Scan(pattern) => scanned(store, pattern).await,
            Self::Begin(keys, guard) => format!("{:?}", store.begin_guards(&slices(keys), *guard).await),
            Self::RenewGuards(keys, guard) => {
                format!("{:?}", store.renew_guards(&slices(keys), *guard).await)
            }
            Self::End(keys, token) => format!("{:?}", store.end_guards(&slices(keys), *token).await),
            Self::Put { key, guard, value } => {
                let put = Put {
                    key,
                    guard: *guard,
                    fill_id: value.fill_id,
                    payload: value.payload(),
                    ttl: value.ttl,
                };
                format!("{:?}", store.put(put).await)
            }
        }
    }
}

fn slices(keys: &[Vec<u8>]) -> Vec<&[u8]> {
    keys.iter().map(Vec::as_slice).collect()
}

fn told(found: &Found, with_time_left: bool) -> String {
    let entry = |entry: &Entry| {
        let left = with_time_left.then(|| entry.ttl_left.expect("a read tells it").as_secs_f64() / 60.0);
        let (first, bytes) = (entry.payload.first(), entry.payload.len());
        format!(
            "{:x?} of {bytes} bytes {first:?} for {:?}, {:?} minutes left",
            entry.fill_id,
            entry.ttl,
            left.map(f64::round)
        )
    };
    match found {
        Found::Hit(hit) => format!("hit {}", entry(hit)),
        Found::Guarded(carried) => format!("guarded {:?}", carried.as_ref().map(entry)),
        other => format!("{other:?}"),
    }
}

async fn scanned(store: &dyn Store, pattern: &Pattern) -> String {
    let mut keys = Vec::new();
    let mut cursor = Some(0);
    while let Some(at) = cursor {
        let page = store.scan(Scan { pattern, cursor: at, page_len: 1000 }).await.expect("a page");
        keys.extend(page.keys);
        cursor = page.next;
    }
    keys.sort();
    keys.dedup();
    format!("{} keys: {keys:?}", keys.len())
}

/// A source of commands, all on keys of its own.
struct Sequence {
    seed: u64,
    random: Random,
    /// Tokens of leases, fills and guards, oldest first.
    leases: Vec<Token>,
    fills: Vec<Token>,
    guards: Vec<Token>,
    done: Vec<String>,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let of_nothing = vec![Token::from([0; 16])];
        Self {
            seed,
            random: Random(seed),
            leases: of_nothing.clone(),
            fills: of_nothing.clone(),
            guards: of_nothing,
            done: Vec::new(),
        }
    }

    fn command(&mut self) -> Command {
        match self.random.below(26) {
            0..7 => {
                let asks = (0..self.random.below(4)).map(|_| (self.key(), self.ask()));
                Command::Lookup(asks.collect())
            }
            7..12 => {
                let (key, permit, value) = self.fill();
                Command::Fill { key, permit, value }
            }
            12 => Command::Renew(self.key(), self.known_lease(Kind::Lease)),
            13 => Command::Release(self.key(), self.known(Kind::Lease)),
            14 => Command::Invalidate(self.keys()),
            15 => Command::Scan(self.pattern()),
            16 => Command::Begin(self.keys(), self.new_lease(Kind::Guard)),
            17 => Command::Begin(self.keys(), self.known_lease(Kind::Guard)),
            18 => Command::RenewGuards(self.keys(), self.known_lease(Kind::Guard)),
            19 => Command::End(self.keys(), self.known(Kind::Guard)),
            20 => Command::Discard(self.key(), self.known(Kind::Fill)),
            21 | 22 => Command::FillMany((0..self.random.below(4)).map(|_| self.fill()).collect()),
            23 => {
                let leases = (0..self.random.below(4)).map(|_| (self.key(), self.known(Kind::Lease)));
                Command::ReleaseMany(leases.collect())
            }
            _ => Command::Put { key: self.key(), guard: self.known(Kind::Guard), value: self.value() },
        }
    }

    fn fill(&mut self) -> (Vec<u8>, Permit, Value) {
        let permit = match self.random.below(3) {
            0 => Permit::Replace(self.known(Kind::Fill)),
            _ => Permit::Lease(self.known(Kind::Lease)),
        };
        (self.key(), permit, self.value())
    }

    /// All that a reader sees.
    async fn stored(&self, store: &dyn Store) -> String {
        let all = (0..KEYS).map(|at| (self.key_at(at), None)).collect();
        Command::Lookup(all).run(store).await
    }

    fn key_at(&self, at: usize) -> Vec<u8> {
        format!("{}:{at}", self.seed).into_bytes()
    }

    fn key(&mut self) -> Vec<u8> {
        let at = self.random.below(KEYS);
        self.key_at(at)
    }

    fn keys(&mut self) -> Vec<Vec<u8>> {
        (0..self.random.below(KEYS + 1)).map(|_| self.key()).collect()
    }

    /// One of the keys, or all of them.
    fn pattern(&mut self) -> Pattern {
        let at = self.random.below(2 * KEYS);
        let key = if at < KEYS { at.to_string() } else { String::new() };
        Pattern::new(format!("{}:{key}*", self.seed))
    }

    /// Every lease is asked for under a token of its own, as callers have to.
    fn ask(&mut self) -> Option<Lease> {
        (self.random.below(4) != 0).then(|| self.new_lease(Kind::Lease))
    }

    fn new_lease(&mut self, kind: Kind) -> Lease {
        Lease { token: self.new_token(kind), ttl: self.ttl() }
    }

    fn known_lease(&mut self, kind: Kind) -> Lease {
        Lease { token: self.known(kind), ttl: self.ttl() }
    }

    fn value(&mut self) -> Value {
        let bytes = match self.random.below(8) {
            0 => 64 << 10,
            1 => (64 << 10) + 1,
            _ => self.random.below(50),
        };
        Value { fill_id: self.new_token(Kind::Fill), bytes, ttl: self.ttl() }
    }

    fn ttl(&mut self) -> Duration {
        Duration::from_secs(60 * [30, 60, 120][self.random.below(3)])
    }

    fn new_token(&mut self, kind: Kind) -> Token {
        let number = (self.leases.len() + self.fills.len() + self.guards.len()) as u64;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..].copy_from_slice(&self.seed.to_le_bytes());
        self.tokens(kind).push(Token::from(bytes));
        Token::from(bytes)
    }

    /// One of the latest tokens, which may still stand for something; now and then one of another kind.
    fn known(&mut self, kind: Kind) -> Token {
        let kind = match self.random.below(12) {
            0 => Kind::Lease,
            1 => Kind::Fill,
            2 => Kind::Guard,
            _ => kind,
        };
        let len = self.tokens(kind).len();
        let back = self.random.below(len.min(3));
        self.tokens(kind)[len - 1 - back]
    }

    fn tokens(&mut self, kind: Kind) -> &mut Vec<Token> {
        match kind {
            Kind::Lease => &mut self.leases,
            Kind::Fill => &mut self.fills,
            Kind::Guard => &mut self.guards,
        }
    }
}

/// What a token was made for.
#[derive(Clone, Copy)]
enum Kind {
    Lease,
    Fill,
    Guard,
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers from the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
