//! Every interleaving of small worlds, under the machines that are shipped: [`Flight`], the [`slot`] of
//! one key, which the memory store runs and the Redis scripts are compared with, and the [`coherence`] of
//! what is kept in front of a store.
//!
//! A request takes effect at any time after it was sent, and its answer arrives at any time after
//! that. What is stored is evicted, processes crash and guards run out at any time.
//!
//! [`Flight`]: super::flight::Flight
//! [`slot`]: super::slot
//! [`coherence`]: super::coherence

mod batches;
mod era;
mod flights;
mod gathered;
mod guards;
mod tags;
mod tiers;

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use super::slot::{Held, Slot};
use super::token::Token;

/// What the source holds: how many writes it has committed.
type Version = u8;
/// Three times are enough: what is over, now, and what is to come.
type Time = u8;

const PAST: Time = 0;
const NOW: Time = 1;
const LATER: Time = 2;

/// What is stored under the one key.
type Key = Option<Slot<Version, Time>>;

fn token(number: u8) -> Token {
    Token::from([number; 16])
}

/// A value; all fills have one id, as nothing is replaced in these worlds.
fn held(value: Version) -> Held<Version, Time> {
    Held {
        value,
        fill_id: token(u8::MAX),
        ttl: Duration::ZERO,
        filled: LATER,
        serves_until: LATER,
        until: LATER,
        bytes: 1,
    }
}

/// What a search found.
#[derive(Debug)]
enum Outcome {
    /// No world of this many breaks a promise.
    Kept { worlds: usize },
    /// One does that is this many steps away from the start.
    Broken { steps: usize },
}

/// Goes through all worlds that can be reached, or to the first that breaks a promise.
fn explore<W: Eq + Hash>(
    start: W,
    next: impl Fn(&W) -> Vec<W>,
    breaks_a_promise: impl Fn(&W) -> bool,
) -> Outcome {
    let start = Rc::new(start);
    let mut seen = HashSet::<_, BuildHasherDefault<Mixer>>::default();
    seen.insert(Rc::clone(&start));
    // Breadth first: what is wrong shows after few steps.
    let mut frontier = VecDeque::from([(start, 0)]);
    while let Some((world, steps)) = frontier.pop_front() {
        for world in next(&world) {
            if breaks_a_promise(&world) {
                return Outcome::Broken { steps: steps + 1 };
            }
            let world = Rc::new(world);
            if seen.insert(Rc::clone(&world)) {
                frontier.push_back((world, steps + 1));
            }
        }
    }
    Outcome::Kept { worlds: seen.len() }
}

/// Half of a search is hashing, and nobody picks worlds that collide: this is faster than the default.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
