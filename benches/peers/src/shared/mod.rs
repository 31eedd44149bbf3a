//! A hit on a redis-server beside those of the peers: one connection, one runtime, one core for all.

mod peers;
mod server;

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use peers::{Bounded, Cached, Fred, Get, Hitbox, Ours, Peer, SetGet};
use server::Server;

use crate::bar::Bar;

/// How many call at once.
const CALLERS: [usize; 3] = [1, 64, 256];

/// Keys with a value each; callers seldom meet at one.
const KEYS: u64 = 4096;

/// The rounds, which all take in turn, and the shortest time of one.
const ROUNDS: usize = 40;
const CALLS: [usize; 3] = [2_000, 20_480, 20_480];

/// Calls a second of each number of callers.
struct Rates {
    name: &'static str,
    best: [f64; 3],
}

/// Makes so many calls by so many callers, and tells their rate.
type Round<'a> = Box<dyn Fn(usize, usize) -> f64 + 'a>;

/// Prints what was measured, and returns what it says of the bars; nothing without a redis-server.
/// With a name and a number, of that peer and so many callers alone: for a profile.
pub fn table(only: &str, alone: Option<usize>) -> Vec<Bar> {
    let Some(server) = Server::start() else {
        println!("redis-server is not installed");
        return Vec::new();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = server.url();
    let get = leaked(runtime.block_on(Get::new(&url)));
    let set_get = leaked(runtime.block_on(SetGet::new(&url)));
    let bounded = leaked(runtime.block_on(Bounded::new(&url)));
    let ours = leaked(runtime.block_on(Ours::new(&url)));
    let cached = leaked(runtime.block_on(Cached::new(&url)));
    let fred = leaked(runtime.block_on(Fred::new(&url)));
    let hitbox = leaked(runtime.block_on(Hitbox::new(&url)));
    let mut cases: Vec<(Rates, Round<'_>)> = vec![
        (Rates::of(Get::NAME), rate(&runtime, get)),
        (Rates::of(SetGet::NAME), rate(&runtime, set_get)),
        (Rates::of(Bounded::NAME), rate(&runtime, bounded)),
        (Rates::of(Ours::NAME), rate(&runtime, ours)),
        (Rates::of(Cached::NAME), rate(&runtime, cached)),
        (Rates::of(Fred::NAME), rate(&runtime, fred)),
        (Rates::of(Hitbox::NAME), rate(&runtime, hitbox)),
    ];
    cases.retain(|(rates, _)| rates.name.contains(only));
    let rounds = if alone.is_some() { 10 * ROUNDS } else { ROUNDS };
    for _ in 0..rounds {
        for (at, (callers, calls)) in CALLERS.into_iter().zip(CALLS).enumerate() {
            if alone.is_some_and(|alone| alone != callers) {
                continue;
            }
            for (rates, rate) in &mut cases {
                rates.best[at] = rates.best[at].max(rate(callers, calls));
            }
        }
    }
    let all: Vec<Rates> = cases.into_iter().map(|(rates, _)| rates).collect();
    print(&all);
    bars(&all)
}

impl Rates {
    fn of(name: &'static str) -> Self {
        Self { name, best: [0.0; 3] }
    }
}

/// They live as long as the program, so that tasks may borrow them.
fn leaked<P>(peer: P) -> &'static P {
    Box::leak(Box::new(peer))
}

/// Fills all keys, and returns what takes one round and tells its rate.
fn rate<'a, P: Peer>(runtime: &'a Runtime, peer: &'static P) -> Round<'a> {
    runtime.block_on(async {
        for id in 0..KEYS {
            peer.fill(id).await;
            assert_eq!(peer.hit(id).await, peers::text(id), "{}", P::NAME);
        }
    });
    Box::new(move |callers, calls| {
        let took = runtime.block_on(async move {
            let start = Instant::now();
            let all: Vec<_> =
                (0..callers).map(|caller| tokio::spawn(hits(peer, caller, calls / callers))).collect();
            for one in all {
                one.await.expect("hits do not panic");
            }
            start.elapsed()
        });
        (calls / callers * callers) as f64 / took.max(Duration::from_nanos(1)).as_secs_f64()
    })
}

async fn hits<P: Peer>(peer: &P, caller: usize, calls: usize) {
    for call in 0..calls {
        // Any key, but the same in each round.
        let id = (caller * 61 + call * 7) as u64 % KEYS;
        std::hint::black_box(peer.hit(id).await);
    }
}

fn print(all: &[Rates]) {
    let base = all[0].best;
    println!(
        "| shared hit, 100 B, calls a second | 1 caller | of GET | 64 callers | of GET | 256 callers | of GET |"
    );
    println!("|---|---|---|---|---|---|---|");
    for Rates { name, best } in all {
        print!("| {name} |");
        for (rate, base) in best.iter().zip(base) {
            print!(" {:.0} k | {:.2} |", rate / 1e3, rate / base);
        }
        println!();
    }
    println!();
}

fn bars(all: &[Rates]) -> Vec<Bar> {
    let best = |name| all.iter().find(|rates| rates.name == name).map(|rates| rates.best);
    let (Some(get), Some(ours), Some(cached)) = (best(Get::NAME), best(Ours::NAME), best(Cached::NAME))
    else {
        return Vec::new();
    };
    vec![
        Bar::new("time of a shared hit, 1 caller, of GET", ..=1.05, get[0] / ours[0], "×"),
        Bar::new("shared hits, 64 callers, of GET", 1.7.., ours[1] / get[1], "×"),
        Bar::new("shared hits, 64 callers, of cached", 2.3.., ours[1] / cached[1], "×"),
        Bar::new("shared hits, 256 callers, of GET", 2.0.., ours[2] / get[2], "×"),
    ]
}
