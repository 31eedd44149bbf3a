//! Nanoseconds of one hit: the best of many short rounds, taken in turn, so that noise meets all alike.

use std::sync::Barrier;
use std::time::Instant;

use crate::cases::{self, ALL, Case, HOT_KEYS, MANY_KEYS, OURS};

const ROUNDS: usize = 200;
const HITS: u64 = 20_000;

/// Best times in nanoseconds: of one thread; of each of two on one key; of one and each of two on many keys.
#[derive(Clone, Copy)]
pub struct Times {
    pub name: &'static str,
    pub hot: f64,
    pub one_key: [f64; 2],
    pub many_keys: [f64; 2],
}

pub fn table() -> Vec<Times> {
    cases::fill(MANY_KEYS);
    let mut all: Vec<Times> = ALL.iter().map(|case| Times::new(case.name)).collect();
    for _ in 0..ROUNDS {
        for (times, case) in all.iter_mut().zip(ALL) {
            times.hot = times.hot.min(time(case, HOT_KEYS, 1));
            for threads in [1, 2] {
                let (one, many) = (&mut times.one_key[threads - 1], &mut times.many_keys[threads - 1]);
                *one = one.min(time(case, 1, threads));
                *many = many.min(time(case, MANY_KEYS, threads));
            }
        }
    }
    let ours = all.iter().find(|times| times.name == OURS.name).expect("one of them").hot;
    println!(
        "| hit, ns | {HOT_KEYS} hot keys | of ours | one key | two threads | {MANY_KEYS} keys | two threads |"
    );
    println!("|---|---|---|---|---|---|---|");
    for Times { name, hot, one_key: [one, one_of_two], many_keys: [many, many_of_two] } in &all {
        let share = hot / ours;
        println!(
            "| {name} | {hot:.0} | {share:.2} | {one:.0} | {one_of_two:.0} | {many:.0} | {many_of_two:.0} |"
        );
    }
    println!();
    all
}

impl Times {
    fn new(name: &'static str) -> Self {
        Self { name, hot: f64::MAX, one_key: [f64::MAX; 2], many_keys: [f64::MAX; 2] }
    }
}

/// The time of one hit, of each thread.
fn time(case: &Case, keys: u64, threads: usize) -> f64 {
    if threads == 1 {
        return time_of_one(case, keys, 0);
    }
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let timed = (0..threads as u64).map(|at| {
            let start = &start;
            scope.spawn(move || {
                // The first hit of a thread is not one of those timed.
                (case.run)(1, keys, 0);
                start.wait();
                time_of_one(case, keys, at * keys / 2)
            })
        });
        let timed: Vec<_> = timed.collect();
        timed.into_iter().map(|thread| thread.join().expect("hits do not panic")).fold(0.0, f64::max)
    })
}

fn time_of_one(case: &Case, keys: u64, first: u64) -> f64 {
    let start = Instant::now();
    (case.run)(HITS, keys, first);
    start.elapsed().as_nanos() as f64 / HITS as f64
}
