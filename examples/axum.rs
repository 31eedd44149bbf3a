//! A JSON API over 336,776 real flights, every answer of which is cached by one attribute.
//!
//! ```sh
//! cargo run --release --example axum -- --port 3000
//! curl localhost:3000/routes/12
//! curl 'localhost:3000/airports/JFK/delays?month=12'
//! curl localhost:3000/planes/N725MQ
//! curl localhost:3000/punctuality/JFK/LAX
//! curl localhost:3000/flights/1/delay --json '{"dep": 90, "arr": 95}'
//! curl localhost:3000/cache
//! ```
//!
//! It prints where it listens (`--port 0` picks a free port), and serves until Ctrl-C. The POST corrects a flight, and so
//! invalidates every answer that the flight is part of; `/cache` says what each function did, and what reached the
//! database. Two copies share their cache through `CACHEMACRO_URL=redis://…`, and their database through
//! `--database FILE`: then a correction by one is in the next answer of the other.

#![allow(unreachable_pub, reason = "a program exports nothing, so the shorter word will do")]

#[path = "shared/mod.rs"]
mod shared;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cachemacro::{Cache, registry};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::shared::args::Args;
use crate::shared::db::Db;
use crate::shared::queries::{
    CarrierDelays, Delays, Flight, FlightsError, Hour, PlaneHistory, Route, busiest_routes, correct_delays,
    delays_by_carrier, plane_history, punctuality,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut args = Args::of_process();
    let port: u16 = args.take("--port")?.unwrap_or(3000);
    let database = args.take("--database")?;
    args.finish("`--port` and `--database`")?;

    let cache = Cache::from_env().await?;
    cache.clone().install()?;
    let db = Db::open(database).await?;
    let app = Router::new()
        .route("/routes/{month}", get(routes))
        .route("/airports/{code}/delays", get(delays))
        .route("/planes/{tailnum}", get(plane))
        .route("/punctuality/{origin}/{dest}", get(hours))
        .route("/flights/{id}/delay", post(correct))
        .route("/cache", get(cache_stats))
        .fallback(async || Problem(StatusCode::NOT_FOUND, "there is no such path".to_owned()))
        .method_not_allowed_fallback(async || {
            Problem(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method".to_owned())
        })
        .with_state(db);

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("cache: {}", cache.status().store);
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async {
        // Without a handler it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    cache.close(Duration::from_secs(5)).await;
    Ok(())
}

async fn routes(
    State(db): State<Db>,
    month: Result<Path<u8>, PathRejection>,
) -> Result<Json<Vec<Route>>, Problem> {
    let Path(month) = month?;
    Ok(Json(busiest_routes(&db, month).await?))
}

async fn delays(
    State(db): State<Db>,
    Path(code): Path<String>,
    query: Result<Query<InMonth>, QueryRejection>,
) -> Result<Json<Vec<CarrierDelays>>, Problem> {
    let Query(InMonth { month }) = query?;
    Ok(Json(delays_by_carrier(&db, &code.to_ascii_uppercase(), month).await?))
}

async fn plane(State(db): State<Db>, Path(tailnum): Path<String>) -> Result<Json<PlaneHistory>, Problem> {
    Ok(Json(plane_history(&db, &tailnum.to_ascii_uppercase()).await?))
}

async fn hours(
    State(db): State<Db>,
    Path((origin, dest)): Path<(String, String)>,
) -> Result<Json<Vec<Hour>>, Problem> {
    Ok(Json(punctuality(&db, &origin.to_ascii_uppercase(), &dest.to_ascii_uppercase()).await?))
}

async fn correct(
    State(db): State<Db>,
    id: Result<Path<u32>, PathRejection>,
    delays: Result<Json<Delays>, JsonRejection>,
) -> Result<Json<Flight>, Problem> {
    let (Path(id), Json(delays)) = (id?, delays?);
    let flight = db.flight(id).await?;
    correct_delays(&db, &flight, delays).await?;
    Ok(Json(Flight { delays, ..flight }))
}

async fn cache_stats(State(db): State<Db>) -> Json<CacheStats> {
    let functions = registry().iter().map(|site| {
        let stats = site.stats();
        let function = FunctionStats {
            key: site.template().to_string(),
            calls: stats.calls(),
            hit_rate: stats.hit_rate(),
            hits: stats.hits,
            shared: stats.shared,
            loads: stats.loads,
            failures: stats.failures,
            refused: stats.refused,
            outages: stats.outages,
        };
        (site.name(), function)
    });
    let statements = db.loads().into_iter().map(|(name, load)| (name, load.queries));
    Json(CacheStats { functions: functions.collect(), statements: statements.collect() })
}

#[derive(Deserialize)]
struct InMonth {
    month: u8,
}

#[derive(Serialize)]
struct CacheStats {
    functions: BTreeMap<&'static str, FunctionStats>,
    /// What reached the database.
    statements: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct FunctionStats {
    key: String,
    calls: u64,
    hit_rate: f64,
    hits: u64,
    shared: u64,
    loads: u64,
    failures: u64,
    refused: u64,
    outages: u64,
}

/// `{"error": "there is no plane `N1`"}`, and the status that says the same.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(BTreeMap::from([("error", error)]))).into_response()
    }
}

impl From<FlightsError> for Problem {
    fn from(error: FlightsError) -> Self {
        match &error {
            FlightsError::NotFound(_) => Self(StatusCode::NOT_FOUND, error.to_string()),
            FlightsError::Database(source) => {
                eprintln!("{error}: {source}");
                Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}
