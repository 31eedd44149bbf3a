//! Mutations within a transaction: what they change is guarded until its commit.

use cachemacro::{Pending, cache_result, invalidates};

use super::{Failed, LONG, Shared, die_in, number, read};
use crate::support::{Source, eventually};

/// Writes that are seen once they are committed.
#[derive(Default)]
struct Transaction {
    value: Option<u64>,
}

impl Transaction {
    async fn commit(self, source: &Source) -> Result<(), Failed> {
        source.write(self.value.ok_or(Failed::Source)?);
        Ok(())
    }
}

#[invalidates(number(id), commit = pending)]
async fn write(tx: &mut Transaction, pending: &Pending, id: u64, value: u64) -> Result<u64, Failed> {
    tx.value = Some(value);
    Ok(id)
}

#[invalidates(number(result), commit = pending)]
async fn write_what_is_found(tx: &mut Transaction, pending: &mut Pending, value: u64) -> Result<u64, Failed> {
    write(tx, pending, 7, value).await
}

#[cache_result(ttl = "1h", key = "guarding:within:<id>", skip(source, pending))]
async fn within(source: &Source, pending: Option<&Pending>, id: u64) -> Result<u64, Failed> {
    let _ = (pending, id);
    Ok(source.load().await)
}

#[invalidates(number(7_u64), commit = now)]
async fn write_all(tx: Transaction, source: &Source) -> Result<(), Failed> {
    tx.commit(source).await
}

#[tokio::test]
async fn a_read_between_a_mutation_and_its_commit_stores_nothing() {
    let Shared { here, there, .. } = Shared::new().await;
    let (source, pending, mut tx) = (Source::open(), Pending::new(), Transaction::default());
    here.scope(write(&mut tx, &pending, 7, 2)).await.unwrap();
    assert_eq!(read(&there, &source).await, 1, "it is not committed");
    pending.commit(tx.commit(&source)).await.unwrap();
    assert_eq!(read(&there, &source).await, 2);
    assert_eq!(read(&here, &source).await, 2);
    assert_eq!(source.loads(), 2);
}

#[tokio::test]
async fn the_same_holds_for_what_the_mutation_finds_out() {
    let Shared { here, there, .. } = Shared::new().await;
    let (source, mut pending, mut tx) = (Source::open(), Pending::new(), Transaction::default());
    assert_eq!(read(&there, &source).await, 1);
    here.scope(write_what_is_found(&mut tx, &mut pending, 2)).await.unwrap();
    assert_eq!(pending.len(), 3, "that of the inner mutation, that of the outer one, and what it found");
    assert_eq!(read(&there, &source).await, 1);
    pending.commit(tx.commit(&source)).await.unwrap();
    assert_eq!(read(&there, &source).await, 2);
}

#[tokio::test]
async fn a_transaction_whose_end_is_not_known_invalidates_too() {
    let Shared { here, there, .. } = Shared::new().await;
    let (source, pending, mut tx) = (Source::open(), Pending::new(), Transaction::default());
    assert_eq!(read(&there, &source).await, 1);
    here.scope(write(&mut tx, &pending, 7, 2)).await.unwrap();
    tx.commit(&source).await.unwrap();
    drop(pending);
    eventually("it is gone", async || read(&there, &source).await == 2).await;
}

#[tokio::test]
async fn a_process_that_dies_in_its_commit_leaves_nothing_old() {
    let Shared { clock, here, there } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    die_in(here.scope(async {
        let (pending, mut tx) = (Pending::new(), Transaction::default());
        write(&mut tx, &pending, 7, 2).await.unwrap();
        let commit = async {
            tx.commit(&source).await.unwrap();
            std::future::pending::<()>().await;
        };
        pending.commit(commit).await;
    }));
    clock.advance(LONG);
    assert_eq!(read(&there, &source).await, 2);
}

#[tokio::test]
async fn a_cached_function_that_is_given_a_pending_runs_its_body() {
    let Shared { here, .. } = Shared::new().await;
    let (source, pending) = (Source::open(), Pending::new());
    here.scope(async {
        for loads in 1..=2 {
            within(&source, Some(&pending), 7).await.unwrap();
            assert_eq!(source.loads(), loads);
        }
        for _ in 0..2 {
            within(&source, None, 7).await.unwrap();
            assert_eq!(source.loads(), 3, "without one it is cached");
        }
    })
    .await;
}

#[tokio::test]
async fn a_function_that_commits_itself_needs_no_pending() {
    let Shared { here, there, .. } = Shared::new().await;
    let source = Source::open();
    assert_eq!(read(&there, &source).await, 1);
    here.scope(write_all(Transaction { value: Some(2) }, &source)).await.unwrap();
    assert_eq!(read(&there, &source).await, 2);
}
