//! What is asked of the flights: four cached functions, and the mutation that invalidates them.

use std::sync::Arc;

use cachemacro::{cache_result, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, query_as};

use super::db::Db;

/// The twenty busiest routes of a month.
#[cache_result(ttl = 3600, key = "routes:<month>", skip(db))]
pub async fn busiest_routes(db: &Db, month: u8) -> Result<Vec<Route>, FlightsError> {
    let query = query_as(
        "SELECT origin, dest, count(*) AS flights, avg(dep_delay) AS dep_mean, avg(arr_delay > 15) AS late
         FROM flights WHERE month = ? GROUP BY origin, dest
         ORDER BY flights DESC, origin, dest LIMIT 20",
    );
    let routes = db.rows("busiest_routes", query.bind(month)).await?;
    if routes.is_empty() {
        return Err(FlightsError::NotFound(format!("month {month}")));
    }
    Ok(routes)
}

/// How late each carrier was in a month, to and from an airport.
#[cache_result(ttl = 3600, key = "delays:<airport>:<month>", skip(db))]
pub async fn delays_by_carrier(
    db: &Db,
    airport: &str,
    month: u8,
) -> Result<Vec<CarrierDelays>, FlightsError> {
    let query = query_as(
        "SELECT name AS carrier, flights, dep_mean, arr_mean, late FROM (
             SELECT carrier, count(*) AS flights, avg(dep_delay) AS dep_mean, avg(arr_delay) AS arr_mean,
                    avg(arr_delay > 15) AS late
             FROM (SELECT carrier, dep_delay, arr_delay FROM flights WHERE origin = ?1 AND month = ?2
                   UNION ALL
                   SELECT carrier, dep_delay, arr_delay FROM flights WHERE dest = ?1 AND month = ?2)
             GROUP BY carrier
         ) JOIN airlines USING (carrier) ORDER BY flights DESC, name",
    );
    let delays = db.rows("delays_by_carrier", query.bind(airport).bind(month)).await?;
    if delays.is_empty() && !db.has_airport(airport).await? {
        return Err(FlightsError::NotFound(format!("airport `{airport}`")));
    }
    Ok(delays)
}

/// What a plane is, and what it did in the year.
#[cache_result(ttl = 3600, key = "plane:<tailnum>", skip(db))]
pub async fn plane_history(db: &Db, tailnum: &str) -> Result<PlaneHistory, FlightsError> {
    let query = query_as(
        "SELECT manufacturer, model, built, count(*) AS flights, sum(distance) AS miles,
                count(DISTINCT dest) AS airports, avg(arr_delay) AS arr_mean, max(arr_delay) AS arr_worst
         FROM flights LEFT JOIN planes USING (tailnum) WHERE tailnum = ? GROUP BY tailnum",
    );
    let history = db.rows("plane_history", query.bind(tailnum)).await?.pop();
    history.ok_or_else(|| FlightsError::NotFound(format!("plane `{tailnum}`")))
}

/// How punctual a route is, by the hour of departure.
#[cache_result(ttl = 3600, key = "punctuality:<origin>:<dest>", skip(db))]
pub async fn punctuality(db: &Db, origin: &str, dest: &str) -> Result<Vec<Hour>, FlightsError> {
    let query = query_as(
        "SELECT hour, count(*) AS flights, avg(dep_delay) AS dep_mean, avg(arr_delay) AS arr_mean,
                avg(arr_delay > 15) AS late
         FROM flights WHERE origin = ? AND dest = ? GROUP BY hour",
    );
    let hours = db.rows("punctuality", query.bind(origin).bind(dest)).await?;
    if hours.is_empty() {
        return Err(FlightsError::NotFound(format!("route from `{origin}` to `{dest}`")));
    }
    Ok(hours)
}

/// Corrects the delays of one flight, and invalidates every answer that it is part of.
#[invalidates(
    busiest_routes(flight.month),
    delays_by_carrier(&flight.origin, flight.month),
    delays_by_carrier(&flight.dest, flight.month),
    punctuality(&flight.origin, &flight.dest),
    each(plane_history(tailnum) for tailnum in flight.tailnum.iter())
)]
pub async fn correct_delays(db: &Db, flight: &Flight, delays: Delays) -> Result<(), FlightsError> {
    db.write_delays(flight.id, delays).await
}

/// A route in a month. Here and below, means are in minutes, and `late` is the part that came over 15 minutes late.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow)]
pub struct Route {
    pub origin: String,
    pub dest: String,
    pub flights: u32,
    pub dep_mean: Option<f64>,
    pub late: Option<f64>,
}

/// A carrier at an airport in a month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow)]
pub struct CarrierDelays {
    pub carrier: String,
    pub flights: u32,
    pub dep_mean: Option<f64>,
    pub arr_mean: Option<f64>,
    pub late: Option<f64>,
}

/// A plane's year. What is not in the register of planes is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow)]
pub struct PlaneHistory {
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub built: Option<u16>,
    pub flights: u32,
    pub miles: u32,
    pub airports: u32,
    pub arr_mean: Option<f64>,
    pub arr_worst: Option<i32>,
}

/// The flights of a route that leave in one hour of the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow)]
pub struct Hour {
    pub hour: u8,
    pub flights: u32,
    pub dep_mean: Option<f64>,
    pub arr_mean: Option<f64>,
    pub late: Option<f64>,
}

/// What a correction needs to know of a flight.
#[derive(Clone, Debug, Serialize, FromRow)]
pub struct Flight {
    pub id: u32,
    pub month: u8,
    pub origin: String,
    pub dest: String,
    pub tailnum: Option<String>,
    #[sqlx(flatten)]
    pub delays: Delays,
}

/// How late a flight left and came, in minutes; early is negative, and `None` means that it did not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, FromRow)]
pub struct Delays {
    #[sqlx(rename = "dep_delay")]
    pub dep: Option<i32>,
    #[sqlx(rename = "arr_delay")]
    pub arr: Option<i32>,
}

/// Why there is no answer. It is `Clone`, so that calls which share one run of a body can share its error.
#[derive(Clone, Debug)]
pub enum FlightsError {
    /// There is no such thing, which is named.
    NotFound(String),
    /// The database did not answer.
    Database(Arc<sqlx::Error>),
}

impl From<sqlx::Error> for FlightsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl std::fmt::Display for FlightsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "there is no {what}"),
            Self::Database(_) => f.write_str("the database did not answer"),
        }
    }
}

impl std::error::Error for FlightsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(_) => None,
            Self::Database(error) => Some(error),
        }
    }
}
