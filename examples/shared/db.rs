//! The flights in an embedded SQLite database, which counts what is asked of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::sqlite::{SqlitePool, SqliteSynchronous};
use sqlx::{FromRow, Sqlite, query, query_as};

use super::load;
use super::queries::{Delays, Flight, FlightsError};

/// A handle; clones share the connections and the counts.
#[derive(Clone)]
pub struct Db {
    pool: SqlitePool,
    loads: Arc<Mutex<BTreeMap<&'static str, Load>>>,
    // Last: the file goes after the connections.
    _file: Arc<PrivateFile>,
}

/// What a database was asked to do under one name.
#[derive(Clone, Copy, Default)]
pub struct Load {
    /// How many statements it ran.
    pub queries: u64,
    /// How long connections were busy with them; waiting for a connection is not in it.
    pub busy: Duration,
}

impl Db {
    /// Opens the database at `path`, or one of its own that goes when the last handle does, and fills it with
    /// `examples/data` if it is empty.
    ///
    /// # Errors
    ///
    /// What the file or the data had.
    pub async fn open(path: Option<PathBuf>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (path, file) = match path {
            Some(path) => (path, PrivateFile(None)),
            None => {
                let name = format!("cachemacro-flights-{}.sqlite", std::process::id());
                let path = std::env::temp_dir().join(name);
                (path.clone(), PrivateFile(Some(path)))
            }
        };
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // Another process may be filling it.
            .busy_timeout(Duration::from_secs(60))
            // All of it fits: no query below waits for a disk.
            .pragma("cache_size", "-131072")
            .pragma("temp_store", "memory")
            .pragma("mmap_size", "268435456");
        // SQLite computes in the process: more connections than cores would only get in each other's way.
        let connections = available_parallelism().map_or(2, |cores| cores.get() as u32);
        let pool = SqlitePoolOptions::new().max_connections(connections).connect_with(options).await?;
        tokio::select! {
            filled = load::fill(&pool) => filled?,
            // By returning: a process that is killed leaves its file behind.
            _ = tokio::signal::ctrl_c() => return Err("interrupted".into()),
        }
        Ok(Self { pool, loads: Arc::default(), _file: Arc::new(file) })
    }

    /// Reads rows, and counts that under `name`.
    ///
    /// # Errors
    ///
    /// [`FlightsError::Database`].
    pub async fn rows<T>(
        &self,
        name: &'static str,
        query: QueryAs<'_, Sqlite, T, SqliteArguments>,
    ) -> Result<Vec<T>, FlightsError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let mut busy = self.busy(name).await?;
        Ok(query.fetch_all(&mut *busy.connection).await?)
    }

    /// Whether the airport is in the register.
    ///
    /// # Errors
    ///
    /// [`FlightsError::Database`].
    pub async fn has_airport(&self, airport: &str) -> Result<bool, FlightsError> {
        let query = query_as::<_, (i32,)>("SELECT 1 FROM airports WHERE faa = ?").bind(airport);
        Ok(!self.rows("has_airport", query).await?.is_empty())
    }

    /// Finds a flight.
    ///
    /// # Errors
    ///
    /// [`FlightsError`].
    pub async fn flight(&self, id: u32) -> Result<Flight, FlightsError> {
        let query = query_as(
            "SELECT id, month, origin, dest, tailnum, dep_delay, arr_delay FROM flights WHERE id = ?",
        );
        let flight = self.rows("flight", query.bind(id)).await?.pop();
        flight.ok_or_else(|| FlightsError::NotFound(format!("flight {id}")))
    }

    /// Overwrites the delays of a flight, and invalidates nothing: [`super::queries::correct_delays`] does both.
    ///
    /// # Errors
    ///
    /// [`FlightsError::Database`].
    pub async fn write_delays(&self, id: u32, Delays { dep, arr }: Delays) -> Result<(), FlightsError> {
        let mut busy = self.busy("write_delays").await?;
        let query = query("UPDATE flights SET dep_delay = ?, arr_delay = ? WHERE id = ?");
        query.bind(dep).bind(arr).bind(id).execute(&mut *busy.connection).await?;
        Ok(())
    }

    /// What it was asked to do so far.
    pub fn loads(&self) -> BTreeMap<&'static str, Load> {
        self.counts().clone()
    }

    async fn busy(&self, name: &'static str) -> Result<Busy<'_>, FlightsError> {
        let connection = self.pool.acquire().await?;
        Ok(Busy { db: self, name, connection, began: Instant::now() })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection at work: counted when it is given back, on every path.
struct Busy<'a> {
    db: &'a Db,
    name: &'static str,
    connection: PoolConnection<Sqlite>,
    began: Instant,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut counts = self.db.counts();
        let load = counts.entry(self.name).or_default();
        load.queries += 1;
        load.busy += self.began.elapsed();
    }
}

/// A file that nobody else knows, and that goes when this does.
struct PrivateFile(Option<PathBuf>);

impl Drop for PrivateFile {
    fn drop(&mut self) {
        let Some(path) = &self.0 else { return };
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            // A file that is not there is as good as one removed.
            let _ = std::fs::remove_file(Path::new(&name));
        }
    }
}
