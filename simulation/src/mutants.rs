//! What the checker finds out: each wrong variant of the engine, by how many seeds.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::campaign::first_violation;
use crate::check::Promise;

pub use cachemacro_runtime::mutants::Mutant;

/// How far apart the seeds are from which one is hunted.
const APART: u64 = 1 << 32;

/// A wrong variant, and what came of hunting it.
#[derive(Debug)]
pub struct Hunted {
    /// The variant.
    pub mutant: Mutant,
    /// For each hunt, how many seeds it took and which promise was violated; nothing where it survived.
    pub hunts: Vec<Option<(u64, Promise)>>,
}

impl Hunted {
    /// Whether no hunt was in vain.
    pub fn is_killed(&self) -> bool {
        self.hunts.iter().all(Option::is_some)
    }

    /// How many seeds it takes: the median.
    pub fn median_seeds(&self) -> Option<u64> {
        let mut seeds: Vec<_> =
            self.hunts.iter().map(|hunt| hunt.map_or(u64::MAX, |(seeds, _)| seeds)).collect();
        seeds.sort_unstable();
        seeds.get(seeds.len() / 2).copied().filter(|median| *median < u64::MAX)
    }

    /// The promises that were violated.
    pub fn promises(&self) -> Vec<Promise> {
        let mut promises: Vec<_> = self.hunts.iter().flatten().map(|(_, promise)| *promise).collect();
        promises.sort_unstable();
        promises.dedup();
        promises
    }
}

/// Runs these seeds with a wrong variant switched on, until one is violated: how many it took, and what.
pub fn hunt(mutant: Mutant, seeds: Range<u64>) -> Option<(u64, Promise)> {
    let found = first_violation(seeds.clone(), mutant.into());
    found.map(|(seed, violation)| (seed - seeds.start + 1, violation.promise))
}

/// Hunts these so many times, on so many threads, and gives each hunt up after so many seeds.
pub fn hunt_all(mutants: &[Mutant], seeds_max: u64, hunts: u64, threads: usize) -> Vec<Hunted> {
    let starts: Vec<_> =
        mutants.iter().flat_map(|mutant| (1..=hunts).map(move |number| (*mutant, number * APART))).collect();
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(vec![None; starts.len()]);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((mutant, start)) = starts.get(number) else { return };
                    let found = hunt(*mutant, *start..*start + seeds_max);
                    ended.lock().expect("no hunt panics")[number] = found;
                }
            });
        }
    });
    let ended = ended.into_inner().expect("no hunt panics");
    let hunts = ended.chunks(hunts.max(1) as usize).map(<[_]>::to_vec);
    mutants.iter().zip(hunts).map(|(mutant, hunts)| Hunted { mutant: *mutant, hunts }).collect()
}
