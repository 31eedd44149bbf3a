//! Holds the cache to its word: no answer differs from the database's, and no correction goes unseen.

use std::collections::HashSet;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::query_as;

use crate::Failure;
use crate::replay::{Mode, later};
use crate::shared::db::Db;
use crate::workload::{Ask, Workload, draw_flight};

const SAMPLES: usize = 300;
const CORRECTIONS: usize = 20;

/// What the checks found.
pub struct Checked {
    pub answers: usize,
    pub mismatches: usize,
    pub corrections: usize,
    pub unseen: usize,
}

/// Asks again for some of what the workload asked for, and corrects some flights.
///
/// # Errors
///
/// The first that a call returned.
pub async fn check(db: &Db, workload: &Workload, seed: u64) -> Result<Checked, Failure> {
    let mut checked = Checked { answers: 0, mismatches: 0, corrections: 0, unseen: 0 };
    let distinct = workload.distinct();
    let mut suspects = Vec::new();
    for ask in distinct.sample(&mut StdRng::seed_from_u64(seed), SAMPLES) {
        checked.answers += 1;
        if differs(db, ask).await? {
            suspects.push(ask);
        }
    }
    // Two processes with one cache and two databases would see their own corrections, and not each other's: so
    // each corrects flights of its own.
    let mut rng = StdRng::seed_from_u64(std::process::id().into());
    let mut corrected = HashSet::new();
    for _ in 0..CORRECTIONS {
        let flight = draw_flight(db, &mut rng, &mut corrected).await?;
        let asks = [
            Ask::Plane { tailnum: flight.tailnum.clone().unwrap_or_default() },
            Ask::Punctuality { origin: flight.origin.clone(), dest: flight.dest.clone() },
            Ask::Delays { airport: flight.dest.clone(), month: flight.month },
        ];
        for ask in &asks {
            ask.cached(db).await?;
        }
        for delays in [later(flight.delays), flight.delays] {
            Mode::Cached.correct(db, &flight, delays).await?;
            checked.corrections += 1;
            let mut unseen = false;
            for ask in &asks {
                unseen |= differs(db, ask).await?;
            }
            checked.unseen += usize::from(unseen);
        }
    }
    // Another process, with a database of its own, may have stored an answer between a correction and its
    // undoing: that one is gone by now. A stale one stays for its hour.
    for ask in suspects {
        checked.mismatches += usize::from(differs(db, ask).await?);
    }
    Ok(checked)
}

/// What changes if any delay does.
pub async fn fingerprint(db: &Db) -> Result<(i64, i64), Failure> {
    let query = query_as("SELECT sum(id * dep_delay), sum(id * arr_delay) FROM flights");
    let rows = db.rows("fingerprint", query).await?;
    Ok(rows[0])
}

async fn differs(db: &Db, ask: &Ask) -> Result<bool, Failure> {
    Ok(ask.cached(db).await? != ask.uncached(db).await?)
}
