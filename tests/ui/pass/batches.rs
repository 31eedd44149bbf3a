//! Batches in a program that allows nothing; each can be spawned.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#![deny(missing_debug_implementations, missing_copy_implementations, unused_qualifications)]
#![deny(rust_2018_idioms, single_use_lifetimes, unused_results, let_underscore_drop)]
#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};

use cachemacro::{cache_methods, cache_result};

/// Loads.
///
/// # Errors
///
/// Never.
#[cache_result(batch(ids), ttl = "5m", key = "user:<team>:<ids>", skip(_db))]
pub async fn users(_db: &str, team: String, ids: &[u64]) -> Result<HashMap<u64, String>, String> {
    Ok(ids.iter().map(|id| (*id, team.clone())).collect())
}

#[cache_result(batch(names, chunk = 7), ttl = |length| std::time::Duration::from_secs(*length))]
async fn lengths(names: BTreeSet<String>) -> Vec<Option<u64>> {
    names.iter().map(|name| Some(name.len() as u64)).collect()
}

struct Repo(u32);

#[cache_methods]
impl Repo {
    #[cache_result(batch(ids), ttl = "5m", key = "repo:<self.0>:<ids>")]
    async fn rows(&self, ids: &Vec<u64>) -> Vec<(u64, u32)> {
        ids.iter().map(|id| (*id, self.0)).collect()
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let spawned = tokio::spawn(async {
            let users = users("db", "a".to_owned(), &[1, 2]).await.expect("users");
            let lengths = lengths(BTreeSet::from(["ab".to_owned()])).await;
            (users.len(), lengths, Repo(1).rows(&vec![1]).await)
        });
        assert_eq!(spawned.await.expect("it ends"), (2, vec![Some(2)], vec![(1, 1)]));
    });
}
