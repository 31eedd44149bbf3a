//! What a million entries of 100 bytes take, each map in a process of its own.

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

use cachemacro::store::memory::MemoryLimits;
use cachemacro::{Cache, cache_result};

use crate::by_hand::StackKey;
use crate::cases::now;

const ENTRIES: u64 = 1_000_000;
const VALUE_BYTES: usize = 100;

type Value = Arc<[u8; VALUE_BYTES]>;

#[cache_result(ttl = "1h", tier = local, key = "stored:<id>")]
fn stored(id: u64) -> Value {
    value(id)
}

pub fn table() {
    let maps = [
        ("ours", "**cachemacro**, ttl"),
        ("quick_cache", "quick_cache, no ttl"),
        #[cfg(feature = "peers")]
        ("moka", "moka::future, ttl"),
    ];
    println!(
        "| {ENTRIES} entries of {VALUE_BYTES} bytes, keys of 6 to 11 | resident bytes for each | of ours |"
    );
    println!("|---|---|---|");
    let bytes = maps.map(|(map, _)| grown(map));
    for ((_, name), each) in maps.iter().zip(bytes) {
        println!("| {name} | {each} | {:.2} |", each as f64 / bytes[0] as f64);
    }
    println!();
}

/// By how much a process that fills a map has grown for each entry.
fn grown(map: &str) -> u64 {
    let this = std::env::current_exe().expect("a path");
    let output = Command::new(this).args(["fill", map]).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
}

/// Fills a map, and prints by how much the process has grown for each entry.
pub fn run(map: &str) {
    match map {
        "quick_cache" => {
            grow(quick_cache::sync::Cache::<Vec<u8>, Value>::new(2 * ENTRIES as usize), |cache, id| {
                cache.insert(StackKey::new("user:", id).as_bytes().to_vec(), value(id));
                cache.len() as u64
            })
        }
        #[cfg(feature = "peers")]
        "moka" => {
            let hour = std::time::Duration::from_secs(3600);
            let cache = moka::future::Cache::builder().max_capacity(2 * ENTRIES).time_to_live(hour).build();
            grow(cache, |cache: &moka::future::Cache<Vec<u8>, Value>, id| {
                now(cache.insert(StackKey::new("user:", id).as_bytes().to_vec(), value(id)));
                if id % 1024 == 0 || id + 1 == ENTRIES {
                    now(cache.run_pending_tasks());
                }
                cache.entry_count()
            });
        }
        "ours" => {
            let limits = MemoryLimits { bytes_max: 1 << 30, entries_max: 2 * ENTRIES };
            let cache = now(Cache::builder().memory(limits).build()).expect("nothing to connect to");
            cache.clone().install().expect("the only one");
            grow(cache, |cache, id| {
                black_box(stored(id));
                if id + 1 == ENTRIES { cache.status().local.map_or(0, |(entries, _)| entries) } else { 0 }
            });
        }
        _ => panic!("no such map"),
    }
}

fn grow<C>(cache: C, insert: impl Fn(&C, u64) -> u64) {
    let before = resident();
    let mut entries = 0;
    for id in 0..ENTRIES {
        entries = insert(&cache, id);
    }
    let bytes = resident() - before;
    assert!(entries >= ENTRIES * 99 / 100, "{entries} entries were kept");
    println!("{}", bytes / entries);
}

fn value(id: u64) -> Value {
    Arc::new([id as u8; VALUE_BYTES])
}

/// The bytes of this process that are in memory.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux says how many pages");
    let resident: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    resident * rustix::param::page_size() as u64
}
