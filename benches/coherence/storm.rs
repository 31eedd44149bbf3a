//! Another program writes 100,000 keys in a second that this process is told of, and this one goes on reading.

use std::io::{BufRead, BufReader};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cachemacro::Cache;

use crate::reader::{is_near, keep};
use crate::server::info;
use crate::{runtime, start};

/// Keys that are read all the time, and that nobody changes.
const HOT: u32 = 100;

/// The bytes that are kept near.
const NEAR_BYTES: u64 = 16 << 20;

/// Keys in one command, and commands in one batch.
const KEYS_AT_ONCE: u32 = 100;
const COMMANDS_AT_ONCE: u32 = 10;

/// One batch in so much time is 100,000 keys in a second.
const BATCH_EVERY: Duration = Duration::from_millis(10);

/// How many keys the storm goes over.
const STORM_KEYS: u32 = 100_000;

/// How long it is calm, and how long it storms.
const CALM: Duration = Duration::from_secs(5);
const STORM: Duration = Duration::from_secs(20);

/// The process that writes. It says how many keys it has written in a second.
pub(crate) fn rage(url: &str) {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_connection().expect("the server runs");
    let (began, mut batches, mut key) = (Instant::now(), 0_u32, 0_u32);
    while began.elapsed() < STORM {
        let mut pipeline = redis::pipe();
        for _ in 0..COMMANDS_AT_ONCE {
            let command = pipeline.cmd("MSET");
            for _ in 0..KEYS_AT_ONCE {
                key = (key + 1) % STORM_KEYS;
                // None of those that are read.
                command.arg(format!("coherence:{}", HOT + key)).arg("x");
            }
            command.ignore();
        }
        pipeline.query::<()>(&mut connection).expect("the server runs");
        batches += 1;
        sleep((BATCH_EVERY * batches).saturating_sub(began.elapsed()));
    }
    let written = f64::from(batches) * f64::from(KEYS_AT_ONCE * COMMANDS_AT_ONCE);
    println!("{:.0}", written / began.elapsed().as_secs_f64());
}

/// What reading was like for a while.
struct Spell {
    reads: u64,
    hits: u64,
    /// The longest time without a hit.
    gap: Duration,
    /// The most memory of this process, in MiB, that was resident.
    resident: u64,
    /// The most bytes that the server used, in MiB.
    server: u64,
    /// How long ago, at most, the server had confirmed that it had told of all.
    confirmed: Duration,
}

pub(crate) fn weather(url: &str) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let cache = runtime.block_on(keep(url, NEAR_BYTES, HOT));
    let calm = spell(&cache, url, || false, CALM);
    let mut rage = start(&["storm", url]);
    let storm = spell(&cache, url, || rage.try_wait().expect("it runs").is_some(), STORM * 2);
    let mut rate = String::new();
    let output = rage.stdout.as_mut().expect("it is piped");
    BufReader::new(output).read_line(&mut rate).expect("it says how many");

    println!(
        "a storm of {} changes in a second, for {} s, in one process that is told",
        rate.trim(),
        STORM.as_secs()
    );
    println!("{:<40}{:>14}{:>14}", "", "calm", "storm");
    let line =
        |name: &str, of: &dyn Fn(&Spell) -> String| println!("{name:<40}{:>14}{:>14}", of(&calm), of(&storm));
    line("reads that were hits here", &|spell| {
        format!("{:.3} %", spell.hits as f64 / spell.reads as f64 * 100.0)
    });
    line("the longest time without one", &|spell| format!("{:.1} ms", spell.gap.as_secs_f64() * 1e3));
    line("the latest sign of life was at most", &|spell| {
        format!("{:.0} ms ago", spell.confirmed.as_secs_f64() * 1e3)
    });
    line("memory of this process, at most", &|spell| format!("{} MiB", spell.resident));
    line("memory of the server, at most", &|spell| format!("{} MiB", spell.server));
}

/// Reads the hot keys again and again.
fn spell(cache: &Cache, url: &str, mut is_over: impl FnMut() -> bool, most: Duration) -> Spell {
    let (began, mut last_hit) = (Instant::now(), Instant::now());
    let mut spell =
        Spell { reads: 0, hits: 0, gap: Duration::ZERO, resident: 0, server: 0, confirmed: Duration::ZERO };
    let mut looked = Instant::now();
    while began.elapsed() < most && !is_over() {
        for key in 0..HOT {
            spell.reads += 1;
            if is_near(key).is_some() {
                spell.hits += 1;
                spell.gap = spell.gap.max(last_hit.elapsed());
                last_hit = Instant::now();
            }
        }
        if let Some(near) = cache.status().near {
            spell.confirmed = spell.confirmed.max(near.confirmed_ago.unwrap_or(began.elapsed()));
        }
        if looked.elapsed() > Duration::from_millis(200) {
            looked = Instant::now();
            spell.resident = spell.resident.max(resident());
            spell.server = spell.server.max(info(url, "used_memory") >> 20);
            // What that took is no gap of reading.
            last_hit = Instant::now();
        }
        sleep(Duration::from_micros(200));
    }
    spell
}

/// The resident memory of this process, in MiB; 0 where there is no /proc.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or_default() >> 10
}
