//! Fills an empty database with `examples/data`, in one transaction.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use flate2::bufread::GzDecoder;
use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

const TABLES: &str = "
    CREATE TABLE airlines (carrier TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE airports (faa TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE planes (
        tailnum TEXT PRIMARY KEY, built INTEGER, manufacturer TEXT NOT NULL, model TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE flights (
        id INTEGER PRIMARY KEY,
        month INTEGER NOT NULL, day INTEGER NOT NULL, hour INTEGER NOT NULL,
        dep_delay INTEGER, arr_delay INTEGER,
        carrier TEXT NOT NULL, tailnum TEXT, origin TEXT NOT NULL, dest TEXT NOT NULL,
        distance INTEGER NOT NULL
    );";

/// An index for each question, and each but the last, which is narrow anyway, holds all that its question reads.
const INDEXES: &str = "
    CREATE INDEX flights_by_month ON flights (month, origin, dest, dep_delay, arr_delay);
    CREATE INDEX flights_by_origin ON flights (origin, month, carrier, dep_delay, arr_delay);
    CREATE INDEX flights_by_dest ON flights (dest, month, carrier, dep_delay, arr_delay);
    CREATE INDEX flights_by_route ON flights (origin, dest, hour, dep_delay, arr_delay);
    CREATE INDEX flights_by_plane ON flights (tailnum);
    ANALYZE;";

/// SQLite takes 32,766 values in a statement.
const ROWS_PER_INSERT: usize = 1_000;

/// Fills the database, unless it is full already; a second process waits until the first is done.
pub async fn fill(pool: &SqlitePool) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let full: i32 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *tx).await?;
    if full == 1 {
        return Ok(());
    }
    sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
    insert(&mut tx, "airlines (carrier, name) ", "airlines.csv", &[0, 1]).await?;
    insert(&mut tx, "airports (faa, name) ", "airports.csv", &[0, 1]).await?;
    insert(&mut tx, "planes (tailnum, built, manufacturer, model) ", "planes.csv", &[0, 1, 3, 4]).await?;
    let columns =
        "flights (month, day, hour, dep_delay, arr_delay, carrier, tailnum, origin, dest, distance) ";
    insert(&mut tx, columns, "flights.csv.gz", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).await?;
    sqlx::raw_sql(INDEXES).execute(&mut *tx).await?;
    sqlx::raw_sql("PRAGMA user_version = 1").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn insert(
    tx: &mut SqliteConnection,
    columns: &str,
    file: &str,
    fields: &[usize],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut reader = csv::Reader::from_reader(open(file)?);
    let mut records = reader.records();
    loop {
        let chunk = records.by_ref().take(ROWS_PER_INSERT).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO ");
        // Numbers go in as text: the columns' types make integers of them.
        insert.push(columns).push_values(&chunk, |mut row, record| {
            for &field in fields {
                row.push_bind(
                    record.get(field).filter(|text| !matches!(*text, "" | "NA")).map(str::to_owned),
                );
            }
        });
        insert.build().execute(&mut *tx).await?;
    }
}

fn open(file: &str) -> std::io::Result<Box<dyn Read + Send>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    let reader = BufReader::new(File::open(path)?);
    Ok(if file.ends_with(".gz") { Box::new(GzDecoder::new(reader)) } else { Box::new(reader) })
}
