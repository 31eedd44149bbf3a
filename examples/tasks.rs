//! Users, tasks and teams: what each kind of invalidation takes away, and what it leaves.
//!
//! ```sh
//! cargo run --release --example tasks
//! CACHEMACRO_URL=redis://127.0.0.1/ cargo run --release --example tasks   # the same on Redis
//! ```
//!
//! It warms the users, twice, and then asks for six things after each mutation: which of them the cache has answered, and
//! for which the database was asked. In the end it prints who invalidates what in the whole program.
//!
//! ```text
//! 500 users: 500 loaded, 0 skipped, 0 failed
//! 500 users: 0 loaded, 500 skipped, 0 failed
//!
//!                         user 7    task 7    open      done      search    board
//! at first                cached    database  database  database  database  database
//! once more               cached    cached    cached    cached    cached    cached
//! rename: keys            database  cached    cached    cached    cached    database
//! finish: key, group      cached    database  database  database  database  cached
//! add: group, pattern     cached    cached    database  database  database  database
//! a pattern, by call      cached    cached    cached    cached    database  cached
//! dissolve: a tag         database  cached    cached    cached    cached    database
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::{Cache, cache_result, invalidates};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{FromRow, SqlitePool};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USERS: i64 = 500;
const RED: i64 = 1;

#[derive(Clone, Serialize, Deserialize, FromRow)]
struct User {
    id: i64,
    team: i64,
    name: String,
}

#[derive(Clone, Serialize, Deserialize, FromRow)]
struct Task {
    id: i64,
    owner: i64,
    title: String,
    done: bool,
}

/// A user: its key is its own, and its tag that of its team.
#[cache_result(ttl = "1h", key = "user:<team>:<id>", tags = ["team:<team>"])]
async fn get_user(db: &Db, team: i64, id: i64) -> sqlx::Result<User> {
    let query = sqlx::query_as("SELECT id, team, name FROM users WHERE team = ? AND id = ?");
    query.bind(team).bind(id).fetch_one(db.asked()).await
}

#[cache_result(ttl = "1h", key = "task:<id>")]
async fn get_task(db: &Db, id: i64) -> sqlx::Result<Task> {
    let query = sqlx::query_as("SELECT id, owner, title, done FROM tasks WHERE id = ?");
    query.bind(id).fetch_one(db.asked()).await
}

/// A page of a list. There are many for each owner, and their group is all of these.
#[cache_result(ttl = "10m", key = "tasks:<owner>:<done>:<page>", groups(owner))]
async fn get_tasks(db: &Db, owner: i64, done: bool, page: u32) -> sqlx::Result<Vec<Task>> {
    let query = sqlx::query_as(
        "SELECT id, owner, title, done FROM tasks WHERE owner = ? AND done = ? ORDER BY id LIMIT 20 OFFSET ?",
    );
    query.bind(owner).bind(done).bind(page * 20).fetch_all(db.asked()).await
}

/// What somebody has searched for: nobody knows what that was, so that a pattern finds it.
#[cache_result(ttl = "10m", key = "search:<owner>:<text>")]
async fn search(db: &Db, owner: i64, text: &str) -> sqlx::Result<Vec<Task>> {
    let query =
        sqlx::query_as("SELECT id, owner, title, done FROM tasks WHERE owner = ? AND instr(title, ?) > 0");
    query.bind(owner).bind(text.to_owned()).fetch_all(db.asked()).await
}

/// How many tasks each member of a team has.
#[cache_result(ttl = "10m", key = "board:<team>", tags = ["team:<team>"])]
async fn get_board(db: &Db, team: i64) -> sqlx::Result<Vec<(String, i64)>> {
    let query = sqlx::query_as(
        "SELECT name, count(tasks.id) FROM users LEFT JOIN tasks ON owner = users.id WHERE team = ? GROUP BY users.id",
    );
    query.bind(team).fetch_all(db.asked()).await
}

/// One user has changed, and what the team is shown of it.
#[invalidates(get_user(team, id), get_board(team))]
async fn rename(db: &Db, team: i64, id: i64, name: &str) -> sqlx::Result<()> {
    let query = sqlx::query("UPDATE users SET name = ? WHERE team = ? AND id = ?");
    query.bind(name.to_owned()).bind(team).bind(id).execute(&db.pool).await.map(drop)
}

/// One task has changed, and with it every list and every search of its owner.
#[invalidates(get_task(id), get_tasks(owner, ..), pattern = "search:<owner>:*")]
async fn finish(db: &Db, owner: i64, id: i64) -> sqlx::Result<()> {
    let query = sqlx::query("UPDATE tasks SET done = TRUE WHERE owner = ? AND id = ?");
    query.bind(owner).bind(id).execute(&db.pool).await.map(drop)
}

#[invalidates(get_tasks(owner, ..), get_board(team), pattern = "search:<owner>:*")]
async fn add(db: &Db, team: i64, owner: i64, title: &str) -> sqlx::Result<()> {
    let query = sqlx::query(
        "INSERT INTO tasks (owner, title, done) SELECT id, ?, FALSE FROM users WHERE team = ? AND id = ?",
    );
    query.bind(title.to_owned()).bind(team).bind(owner).execute(&db.pool).await.map(drop)
}

/// The team is no more: all that stands under its tag goes in one step, however much that is.
#[invalidates(tag = "team:<team>")]
async fn dissolve(db: &Db, team: i64) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM users WHERE team = ? AND id > 7").bind(team).execute(&db.pool).await.map(drop)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let cache = Cache::from_env().await?;
    cache.clone().install()?;
    let db = Db::open().await?;
    warm(&db).await;
    warm(&db).await;

    println!("\n{:<24}{}", "", WATCHED.map(|name| format!("{name:<10}")).concat().trim_end());
    ask("at first", &db).await?;
    ask("once more", &db).await?;
    rename(&db, RED, 7, "Ada").await?;
    ask("rename: keys", &db).await?;
    finish(&db, 7, 7).await?;
    ask("finish: key, group", &db).await?;
    add(&db, RED, 7, "write to Berta").await?;
    ask("add: group, pattern", &db).await?;
    let swept = cache.invalidate_pattern("search:7:*").await?;
    ask("a pattern, by call", &db).await?;
    dissolve(&db, RED).await?;
    ask("dissolve: a tag", &db).await?;

    println!(
        "\nThe pattern removed {} of {} keys that match.\n\n{}",
        swept.removed,
        swept.keys,
        cachemacro::graph()
    );
    cache.close(Duration::from_secs(5)).await;
    Ok(())
}

/// Loads all users of the team ahead of those who will ask for them, sixteen at once.
async fn warm(db: &Db) {
    let bar = ProgressBar::new(USERS as u64);
    let warmed = get_user::warm(1..=USERS, 16, |id| get_user(db, RED, id))
        .progress(|so_far| bar.set_position(so_far.calls()))
        .await;
    bar.finish_and_clear();
    println!("{USERS} users: {warmed}");
}

const WATCHED: [&str; 6] = ["user 7", "task 7", "open", "done", "search", "board"];

/// Asks for everything, and tells what the database was asked for.
async fn ask(when: &str, db: &Db) -> Result<(), Failure> {
    let mut told = String::new();
    for thing in WATCHED {
        let before = db.queries.load(Ordering::Relaxed);
        match thing {
            "user 7" => drop(get_user(db, RED, 7).await?),
            "task 7" => drop(get_task(db, 7).await?),
            "open" => drop(get_tasks(db, 7, false, 0).await?),
            "done" => drop(get_tasks(db, 7, true, 0).await?),
            "search" => drop(search(db, 7, "Berta").await?),
            _ => drop(get_board(db, RED).await?),
        }
        let is_cached = db.queries.load(Ordering::Relaxed) == before;
        told += &format!("{:<10}", if is_cached { "cached" } else { "database" });
    }
    println!("{when:<24}{}", told.trim_end());
    Ok(())
}

/// A database of its own, in memory, which counts what it is asked.
struct Db {
    pool: SqlitePool,
    queries: AtomicU64,
}

impl cachemacro::Handle for Db {}

impl Db {
    /// Filled with a team of users, each of whom has a task.
    async fn open() -> sqlx::Result<Self> {
        // The database goes with its one connection.
        let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = options.connect_with(SqliteConnectOptions::new().in_memory(true)).await?;
        sqlx::raw_sql(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, team INTEGER NOT NULL, name TEXT NOT NULL);
             CREATE TABLE tasks (
                 id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, title TEXT NOT NULL, done BOOLEAN NOT NULL
             );",
        )
        .execute(&pool)
        .await?;
        for id in 1..=USERS {
            let user = sqlx::query("INSERT INTO users VALUES (?, ?, ?)");
            user.bind(id).bind(RED).bind(format!("user {id}")).execute(&pool).await?;
            let task = sqlx::query("INSERT INTO tasks VALUES (?, ?, ?, FALSE)");
            task.bind(id).bind(id).bind(format!("task {id}")).execute(&pool).await?;
        }
        Ok(Self { pool, queries: AtomicU64::new(0) })
    }

    /// The pool, for one query more.
    fn asked(&self) -> &SqlitePool {
        self.queries.fetch_add(1, Ordering::Relaxed);
        &self.pool
    }
}
