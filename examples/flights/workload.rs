//! What is asked, in which order: drawn once from a seed, and replayed as often as one likes.

use std::collections::HashSet;

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::query_as;

use crate::shared::db::Db;
use crate::shared::queries::{
    CarrierDelays, Flight, FlightsError, Hour, PlaneHistory, Route, busiest_routes, delays_by_carrier,
    plane_history, punctuality,
};

/// One step in this many corrects a flight, and takes that back: a mutation for every two hundred reads.
const STEPS_PER_CORRECTION: usize = 400;
const FLIGHTS: u32 = 336_776;

/// The steps, in the order in which they begin.
pub struct Workload {
    pub steps: Vec<Step>,
}

pub enum Step {
    Ask(Ask),
    /// Corrects the delays of a flight, reads the history of its plane, and takes the correction back.
    Correct(Flight),
}

/// A call of a cached function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    Routes { month: u8 },
    Delays { airport: String, month: u8 },
    Plane { tailnum: String },
    Punctuality { origin: String, dest: String },
}

/// What it returns.
#[derive(PartialEq)]
pub enum Answer {
    Routes(Vec<Route>),
    Delays(Vec<CarrierDelays>),
    Plane(PlaneHistory),
    Punctuality(Vec<Hour>),
}

impl Workload {
    /// Draws `calls` steps. What flew more is asked for more: the n-th busiest airport, plane or route is asked for
    /// 1/n as often as the first (Zipf's law), and so is the n-th month back from December.
    ///
    /// # Errors
    ///
    /// What the database had.
    pub async fn draw(db: &Db, calls: usize, seed: u64) -> Result<Self, FlightsError> {
        let popular = Popular::of(db).await?;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut corrected = HashSet::new();
        let mut steps = Vec::with_capacity(calls);
        for at in 1..=calls {
            steps.push(if at % STEPS_PER_CORRECTION == 0 {
                Step::Correct(draw_flight(db, &mut rng, &mut corrected).await?)
            } else {
                Step::Ask(popular.draw(&mut rng))
            });
        }
        Ok(Self { steps })
    }

    /// The calls that differ, in the order in which they come first.
    pub fn distinct(&self) -> Vec<&Ask> {
        let mut seen = HashSet::new();
        let asks = self.steps.iter().filter_map(|step| match step {
            Step::Ask(ask) => Some(ask),
            Step::Correct(_) => None,
        });
        asks.filter(|ask| seen.insert(*ask)).collect()
    }
}

impl Ask {
    /// The name of the function.
    pub fn function(&self) -> &'static str {
        match self {
            Self::Routes { .. } => "busiest_routes",
            Self::Delays { .. } => "delays_by_carrier",
            Self::Plane { .. } => "plane_history",
            Self::Punctuality { .. } => "punctuality",
        }
    }

    /// Calls the function as anybody does.
    pub async fn cached(&self, db: &Db) -> Result<Answer, FlightsError> {
        Ok(match self {
            Self::Routes { month } => Answer::Routes(busiest_routes(db, *month).await?),
            Self::Delays { airport, month } => Answer::Delays(delays_by_carrier(db, airport, *month).await?),
            Self::Plane { tailnum } => Answer::Plane(plane_history(db, tailnum).await?),
            Self::Punctuality { origin, dest } => Answer::Punctuality(punctuality(db, origin, dest).await?),
        })
    }

    /// Runs its body, as if it had no attribute.
    pub async fn uncached(&self, db: &Db) -> Result<Answer, FlightsError> {
        Ok(match self {
            Self::Routes { month } => Answer::Routes(busiest_routes::uncached(db, *month).await?),
            Self::Delays { airport, month } => {
                Answer::Delays(delays_by_carrier::uncached(db, airport, *month).await?)
            }
            Self::Plane { tailnum } => Answer::Plane(plane_history::uncached(db, tailnum).await?),
            Self::Punctuality { origin, dest } => {
                Answer::Punctuality(punctuality::uncached(db, origin, dest).await?)
            }
        })
    }

    /// Whether the cache has the answer, without asking the database.
    pub async fn is_stored(&self) -> cachemacro::Result<bool> {
        Ok(match self {
            Self::Routes { month } => busiest_routes::peek(*month).await?.is_some(),
            Self::Delays { airport, month } => delays_by_carrier::peek(airport, *month).await?.is_some(),
            Self::Plane { tailnum } => plane_history::peek(tailnum).await?.is_some(),
            Self::Punctuality { origin, dest } => punctuality::peek(origin, dest).await?.is_some(),
        })
    }
}

/// A flight that was flown, of a plane that no other step corrects: two corrections then never meet.
pub async fn draw_flight(
    db: &Db,
    rng: &mut StdRng,
    corrected: &mut HashSet<String>,
) -> Result<Flight, FlightsError> {
    loop {
        let flight = db.flight(rng.random_range(1..=FLIGHTS)).await?;
        if flight.delays.arr.is_some()
            && let Some(tailnum) = &flight.tailnum
            && corrected.insert(tailnum.clone())
        {
            return Ok(flight);
        }
    }
}

/// What there is to ask for.
struct Popular {
    months: Ranked<u8>,
    airports: Ranked<String>,
    planes: Ranked<String>,
    routes: Ranked<(String, String)>,
}

impl Popular {
    async fn of(db: &Db) -> Result<Self, FlightsError> {
        let airports = query_as(
            "SELECT airport FROM (SELECT origin AS airport FROM flights UNION ALL SELECT dest FROM flights)
             GROUP BY airport ORDER BY count(*) DESC, airport",
        );
        let planes = query_as(
            "SELECT tailnum FROM flights WHERE tailnum IS NOT NULL GROUP BY tailnum ORDER BY count(*) DESC, tailnum",
        );
        let routes = query_as(
            "SELECT origin, dest FROM flights GROUP BY origin, dest ORDER BY count(*) DESC, origin, dest",
        );
        let first = |rows: Vec<(String,)>| rows.into_iter().map(|(text,)| text).collect();
        Ok(Self {
            months: Ranked::new((1..=12).rev().collect()),
            airports: Ranked::new(first(db.rows("workload", airports).await?)),
            planes: Ranked::new(first(db.rows("workload", planes).await?)),
            routes: Ranked::new(db.rows("workload", routes).await?),
        })
    }

    fn draw(&self, rng: &mut StdRng) -> Ask {
        match rng.random_range(0..100) {
            0..15 => Ask::Routes { month: self.months.draw(rng) },
            15..50 => Ask::Delays { airport: self.airports.draw(rng), month: self.months.draw(rng) },
            50..65 => Ask::Plane { tailnum: self.planes.draw(rng) },
            _ => {
                let (origin, dest) = self.routes.draw(rng);
                Ask::Punctuality { origin, dest }
            }
        }
    }
}

/// Things in the order of how much they are asked for.
struct Ranked<T> {
    things: Vec<T>,
    zipf: WeightedIndex<f64>,
}

impl<T: Clone> Ranked<T> {
    fn new(things: Vec<T>) -> Self {
        let weights = (1..=things.len()).map(|rank| 1.0 / rank as f64);
        let zipf = WeightedIndex::new(weights).expect("the data is not empty");
        Self { things, zipf }
    }

    fn draw(&self, rng: &mut StdRng) -> T {
        self.things[self.zipf.sample(rng)].clone()
    }
}
