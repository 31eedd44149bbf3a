//! What is kept when not all fits: hit ratios of a cached function and of a plain LRU of as many entries.
//!
//! ```sh
//! cargo bench --bench eviction
//! ```
//!
//! A million calls for 50,000 keys, of which few are called often (Zipf, exponent 0.9), through a cache of 5,000 entries:
//! alone, and with a scan of 10,000 keys that nobody asks for again after every 20,000 calls. Only the calls count that
//! are no scan's. Nothing in it depends on the time or on the machine.

use std::collections::{BTreeMap, HashMap};

use cachemacro::store::memory::MemoryLimits;
use cachemacro::{Cache, cache_result, registry};

const KEYS: usize = 50_000;
const CALLS: usize = 1_000_000;
const ENTRIES: usize = 5_000;
const EXPONENT: f64 = 0.9;
const SCAN_EVERY: usize = 20_000;
const SCAN: u64 = 10_000;

#[cache_result(ttl = "10h", key = "eviction:<key>")]
async fn value(key: u64) -> u64 {
    key
}

/// One call, and whether it counts.
type Step = (u64, bool);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("| {CALLS} calls, {ENTRIES} of {KEYS} keys fit | Zipf alone | with scans |\n|---|---|---|");
    let traces = [trace(false), trace(true)];
    let mut ours = Vec::new();
    for trace in &traces {
        let limits = MemoryLimits { bytes_max: 1 << 30, entries_max: ENTRIES as u64 };
        let cache = Cache::builder().memory(limits).build().await.expect("nothing to connect to");
        ours.push(cache.scope(ratio_of_cached(trace)).await);
    }
    println!("| cachemacro | {:.1} % | {:.1} % |", ours[0], ours[1]);
    let lru = traces.map(|trace| ratio_of_lru(&trace));
    println!("| plain LRU | {:.1} % | {:.1} % |", lru[0], lru[1]);
}

async fn ratio_of_cached(trace: &[Step]) -> f64 {
    let site = registry().iter().find(|site| site.name() == "value").expect("it is registered");
    let mut hits = 0;
    for (key, counts) in trace {
        let before = site.stats().hits;
        value(*key).await;
        hits += usize::from(*counts && site.stats().hits > before);
    }
    percent(hits)
}

fn ratio_of_lru(trace: &[Step]) -> f64 {
    let (mut used, mut order) = (HashMap::new(), BTreeMap::new());
    let mut hits = 0;
    for (now, (key, counts)) in trace.iter().enumerate() {
        match used.insert(*key, now) {
            Some(before) => {
                order.remove(&before);
                hits += usize::from(*counts);
            }
            None if used.len() > ENTRIES => {
                let (_, oldest) = order.pop_first().expect("it is full");
                used.remove(&oldest);
            }
            None => {}
        }
        order.insert(now, *key);
    }
    percent(hits)
}

fn percent(hits: usize) -> f64 {
    hits as f64 / CALLS as f64 * 100.0
}

fn trace(has_scans: bool) -> Vec<Step> {
    let mut sum = 0.0;
    let shares: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        })
        .collect();
    let mut random = 2013_u64;
    let mut next_new = KEYS as u64;
    let mut steps = Vec::new();
    for call in 0..CALLS {
        if has_scans && call % SCAN_EVERY == SCAN_EVERY - 1 {
            steps.extend((next_new..next_new + SCAN).map(|key| (key, false)));
            next_new += SCAN;
        }
        // Knuth's MMIX generator; its high bits are the better ones.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (random >> 11) as f64 / (1_u64 << 53) as f64 * sum;
        steps.push((shares.partition_point(|share| *share < at) as u64, true));
    }
    steps
}
