//! Caches one function, invalidates it by another, and shows when the body runs.
//!
//! `cargo run --example basic` prints each answer, and the reads that reached the "database".

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cachemacro::{cache_result, invalidates};

#[derive(Default)]
struct Db {
    users: Mutex<HashMap<u64, String>>,
    reads: AtomicU32,
}

#[cache_result(ttl = 3600, key = "user:<id>", skip(db))]
async fn user_name(db: &Db, id: u64) -> Option<String> {
    db.reads.fetch_add(1, Relaxed);
    db.users.lock().unwrap().get(&id).cloned()
}

#[invalidates(user_name(id))]
async fn rename_user(db: &Db, id: u64, name: &str) {
    db.users.lock().unwrap().insert(id, name.to_owned());
}

#[tokio::main]
async fn main() {
    let db = Db::default();
    rename_user(&db, 7, "Ada").await;
    for name in ["Grace", "Barbara"] {
        for _ in 0..3 {
            println!("user 7 is {:?}; reads so far: {}", user_name(&db, 7).await, db.reads.load(Relaxed));
        }
        rename_user(&db, 7, name).await;
    }
}
