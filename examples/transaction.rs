//! Two mutations in one transaction: what is cached changes when it commits, and not before.
//!
//! ```sh
//! cargo run --release --example transaction
//! DATABASE_URL=postgres://user@localhost/db cargo run --release --example transaction
//! ```
//!
//! Without `DATABASE_URL` it uses a SQLite file of its own. It prints what each reader is told:
//!
//! ```text
//! before              anna has 100, berta has 0
//! in the transaction  anna has 70, berta has 30
//! outside of it       anna has 100, berta has 0
//! after its commit    anna has 70, berta has 30
//! after a rollback    anna has 70, berta has 30
//! ```

use std::env;

use cachemacro::{Pending, cache_result, invalidates};
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};

/// How much somebody has. With a `Pending`, it is asked of the transaction, and never of the cache.
#[cache_result(ttl = "10m", key = "balance:<name>", skip(connection, pending))]
async fn balance(connection: &mut AnyConnection, pending: Option<&Pending>, name: &str) -> sqlx::Result<i64> {
    let _ = pending;
    let query = sqlx::query_scalar("SELECT balance FROM account WHERE name = $1");
    query.bind(name.to_owned()).fetch_one(connection).await
}

/// Adds to what somebody has, once the transaction commits.
#[invalidates(balance(name), commit = pending)]
async fn add(tx: &mut Transaction<'_, Any>, pending: &Pending, name: &str, amount: i64) -> sqlx::Result<()> {
    let query = sqlx::query("UPDATE account SET balance = balance + $1 WHERE name = $2");
    query.bind(amount).bind(name.to_owned()).execute(&mut **tx).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> sqlx::Result<()> {
    let pool = open().await?;
    show("before", &mut *pool.acquire().await?, None).await?;

    let pending = Pending::new();
    let mut tx = pool.begin().await?;
    add(&mut tx, &pending, "anna", -30).await?;
    add(&mut tx, &pending, "berta", 30).await?;
    show("in the transaction", &mut tx, Some(&pending)).await?;
    show("outside of it", &mut *pool.acquire().await?, None).await?;
    pending.commit(tx.commit()).await?;
    show("after its commit", &mut *pool.acquire().await?, None).await?;

    let pending = Pending::new();
    let mut tx = pool.begin().await?;
    add(&mut tx, &pending, "anna", -70).await?;
    tx.rollback().await?;
    pending.finish().await;
    show("after a rollback", &mut *pool.acquire().await?, None).await
}

async fn show(when: &str, connection: &mut AnyConnection, pending: Option<&Pending>) -> sqlx::Result<()> {
    let anna = balance(connection, pending, "anna").await?;
    let berta = balance(connection, pending, "berta").await?;
    println!("{when:<18}  anna has {anna}, berta has {berta}");
    Ok(())
}

/// A database with two accounts in it.
async fn open() -> sqlx::Result<AnyPool> {
    sqlx::any::install_default_drivers();
    let file = env::temp_dir().join(format!("cachemacro-transaction-{}.db", std::process::id()));
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| format!("sqlite://{}?mode=rwc", file.display()));
    let pool = AnyPoolOptions::new().max_connections(2).connect(&url).await?;
    if url.starts_with("sqlite:") {
        // Readers then see what was committed last while a writer is at work.
        sqlx::query("PRAGMA journal_mode = WAL").execute(&pool).await?;
    }
    sqlx::query("DROP TABLE IF EXISTS account").execute(&pool).await?;
    sqlx::query("CREATE TABLE account (name TEXT PRIMARY KEY, balance BIGINT NOT NULL)")
        .execute(&pool)
        .await?;
    sqlx::query("INSERT INTO account VALUES ('anna', 100), ('berta', 0)").execute(&pool).await?;
    Ok(pool)
}
