//! What the codecs cost: encoding and decoding of a value with its header, as for a shared store, and its size.
//!
//! ```sh
//! cargo bench --bench codecs --all-features
//! ```
//!
//! Each number is the best of several rounds, as a share of bincode's in the last columns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cachemacro::codec::envelope::{self, Stamp};
use cachemacro::codec::{Bincode, Codec, Compressed, Json, MessagePack, Postcard};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const ROUNDS: usize = 15;
/// How long one round takes, about.
const ROUND: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: String,
    is_active: bool,
    score: f64,
    teams: Vec<u32>,
    manager: Option<u64>,
}

/// The same, of which a field may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sparse {
    id: u64,
    name: String,
    email: String,
    is_active: bool,
    score: f64,
    teams: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manager: Option<u64>,
}

fn user(id: u64) -> User {
    User {
        id,
        name: format!("Anna Berta {id}"),
        email: format!("anna.berta.{id}@example.com"),
        is_active: !id.is_multiple_of(3),
        score: id as f64 / 7.0,
        teams: (0..id as u32 % 5).collect(),
        manager: id.is_multiple_of(2).then_some(id / 2),
    }
}

fn main() {
    let users = |count| (0..count).map(user).collect::<Vec<_>>();
    table("one user", &user(41));
    table("1,000 users", &users(1_000));
    table("64 KiB of text", &"The quick brown fox jumps over the lazy dog. ".repeat(1456));
    table("64 KiB of noise", &noise(64 << 10));
    let User { id, name, email, is_active, score, teams, manager } = user(41);
    let sparse = Sparse { id, name, email, is_active, score, teams, manager };
    header("one user with a field left out (named codecs read it back before it is stored)");
    let bincode = None;
    line("json", &Json, &sparse, bincode);
    line("messagepack", &MessagePack, &sparse, bincode);
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        // xorshift64 (Marsaglia, 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..len).map(next).collect()
}

fn header(what: &str) {
    println!("\n{what}");
    println!(
        "{:<24} {:>9} {:>11} {:>11} {:>7} {:>7} {:>7}",
        "", "bytes", "encode", "decode", "bytes", "encode", "decode"
    );
}

fn table<V: Serialize + DeserializeOwned + 'static>(what: &str, value: &V) {
    header(what);
    let bincode = Some(line("bincode", &Bincode, value, None));
    line("postcard", &Postcard, value, bincode);
    line("messagepack", &MessagePack, value, bincode);
    line("json", &Json, value, bincode);
    line("bincode, compressed", &Compressed::above(Bincode, 0), value, bincode);
    line("postcard, compressed", &Compressed::above(Postcard, 0), value, bincode);
    line("messagepack, compressed", &Compressed::above(MessagePack, 0), value, bincode);
    line("json, compressed", &Compressed::above(Json, 0), value, bincode);
}

#[derive(Clone, Copy)]
struct Cost {
    bytes: usize,
    encode: Duration,
    decode: Duration,
}

fn line<C: Codec, V: Serialize + DeserializeOwned + 'static>(
    name: &str,
    codec: &C,
    value: &V,
    bincode: Option<Cost>,
) -> Cost {
    let stamp = Stamp { fresh: Duration::from_secs(60), cost: Duration::ZERO };
    let sealed = envelope::seal(codec, 0, stamp, value).expect("it can be carried");
    let cost = Cost {
        bytes: sealed.len(),
        encode: best(|| drop(black_box(envelope::seal(codec, 0, stamp, black_box(value))))),
        decode: best(|| drop(black_box(envelope::open::<C, V>(codec, 0, black_box(&sealed))))),
    };
    let Cost { bytes, encode, decode } = cost;
    print!("{name:<24} {bytes:>9} {:>8.2} µs {:>8.2} µs", micros(encode), micros(decode));
    if let Some(bincode) = bincode {
        let shares = [
            bytes as f64 / bincode.bytes as f64,
            micros(encode) / micros(bincode.encode),
            micros(decode) / micros(bincode.decode),
        ];
        shares.iter().for_each(|share| print!(" {share:>7.2}"));
    }
    println!();
    cost
}

fn best(mut run: impl FnMut()) -> Duration {
    let start = Instant::now();
    run();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let times = (ROUND.as_nanos() / once.as_nanos()).clamp(1, 100_000) as u32;
    let round = |_| {
        let start = Instant::now();
        (0..times).for_each(|_| run());
        start.elapsed() / times
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}
