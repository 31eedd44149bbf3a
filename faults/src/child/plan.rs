//! Which call comes next, at random.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::record::Kind;
use crate::settings::{GUARD, KEYS, LEASE};

/// A call to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) kind: Kind,
    pub(super) key: u8,
    /// How long the body waits before it asks the source, and after.
    pub(super) before: Duration,
    pub(super) after: Duration,
    /// Whether the body fails at its end, after the commit if it commits.
    pub(super) fails: bool,
    /// After how long the caller leaves, if it does.
    pub(super) leaves: Option<Duration>,
    /// How long the worker rests then.
    pub(super) rest: Duration,
}

/// The first keys are changed all the time, the last ones so seldom that something stale would stay.
const HOT: u8 = KEYS / 3;

impl Plan {
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        let key = rng.random_range(0..KEYS);
        let mutates = if lasting().any(|lasting| lasting == key) {
            0.0
        } else if key < HOT {
            0.20
        } else if key < 2 * HOT {
            0.03
        } else {
            0.003
        };
        let kind = if rng.random_bool(mutates) { mutation(rng, key) } else { read(rng) };
        let (before, after) = if kind.is_read() {
            (quick(rng), body(rng, LEASE))
        } else if key < 2 * HOT {
            (body(rng, GUARD), body(rng, GUARD))
        } else {
            // Long after its commit, so that a kill often comes before its end.
            (quick(rng), ms(rng, 300, 1500))
        };
        Self {
            kind,
            key,
            before,
            after,
            fails: rng.random_bool(0.02),
            leaves: rng
                .random_bool(0.02)
                .then(|| rng.random_range(Duration::ZERO..Duration::from_millis(20))),
            rest: if rng.random_bool(0.3) { Duration::ZERO } else { ms(rng, 0, 12) },
        }
    }

    /// A mutation that has committed at once and does not end, for a process that is about to be killed.
    pub(super) fn brace(rng: &mut StdRng, key: u8) -> Self {
        let kinds = [Kind::Required, Kind::PutRequired, Kind::Guarded];
        let kind = kinds[rng.random_range(0..kinds.len())];
        let (before, after) = (Duration::ZERO, Duration::from_secs(2));
        Self { kind, key, before, after, fails: false, leaves: None, rest: Duration::ZERO }
    }
}

/// The keys whose values live long, and that only those change who are killed: a process that lives delivers
/// its last minute again at every reconnect, which would do away with what a crashed writer left.
pub(super) fn lasting() -> impl Iterator<Item = u8> {
    (2 * HOT..KEYS).filter(|key| !key.is_multiple_of(2))
}

/// Another key, for a transaction of both: an even one, which is none of the lasting.
pub(super) fn beside(rng: &mut StdRng, key: u8) -> u8 {
    let other = rng.random_range(0..KEYS / 2) * 2;
    if other == key { (other + 2) % KEYS } else { other }
}

fn read(rng: &mut StdRng) -> Kind {
    match rng.random_range(0..100) {
        0 => Kind::Refresh,
        1 => Kind::Peek,
        2..12 => Kind::Strict,
        _ => Kind::Read,
    }
}

fn mutation(rng: &mut StdRng, key: u8) -> Kind {
    // Only `long` is put: its keys are the odd ones.
    let kinds = [
        Kind::Invalidates,
        Kind::Required,
        Kind::Unguarded,
        Kind::Transaction,
        Kind::ByHand,
        Kind::Guarded,
        Kind::Put,
        Kind::PutRequired,
    ];
    // What a crashed writer leaves behind is looked for where it would stay.
    if key >= 2 * HOT && rng.random_bool(0.5) {
        return Kind::Required;
    }
    kinds[rng.random_range(0..if key.is_multiple_of(2) { 6 } else { 8 })]
}

/// Mostly as quick as a query; now and then long enough to be overtaken, or to outlast its lease or guard.
fn body(rng: &mut StdRng, permit: Duration) -> Duration {
    match rng.random_range(0..1000) {
        0..4 => permit + ms(rng, 0, 400),
        4..60 => ms(rng, 10, 90),
        _ => quick(rng),
    }
}

fn quick(rng: &mut StdRng) -> Duration {
    ms(rng, 0, 3)
}

fn ms(rng: &mut StdRng, least: u64, most: u64) -> Duration {
    Duration::from_micros(rng.random_range(least * 1000..=most * 1000))
}
