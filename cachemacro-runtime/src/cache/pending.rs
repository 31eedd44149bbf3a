//! What a transaction has changed, and is not yet committed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::DropGuard;

use crate::cache::mutation::Invalidation;

/// What the mutations of one transaction have changed: guarded until [`commit`](Self::commit), and
/// invalidated then.
///
/// A mutation that takes an open transaction ends before that has committed, so that invalidating at its
/// end would be too early: a read in between would store the old value again. It takes a `Pending` too,
/// and says `commit = pending`:
///
/// ```ignore
/// #[invalidates(get_user(id), commit = pending)]
/// async fn rename(tx: &mut Transaction<'_, Sqlite>, pending: &Pending, id: u64, name: &str) -> Result<(), DbError> {
///     sqlx::query("UPDATE user SET name = ? WHERE id = ?").bind(name).bind(id).execute(&mut **tx).await?;
///     Ok(())
/// }
///
/// let pending = Pending::new();
/// let mut tx = pool.begin().await?;
/// rename(&mut tx, &pending, 42, "berta").await?;
/// pending.commit(tx.commit()).await?;
/// ```
///
/// A cached function that has a `Pending` among its parameters runs its body: within a transaction, what
/// is cached is not what the transaction sees.
///
/// Dropped without a commit, it invalidates in the background: whether the transaction has committed is
/// not known then.
#[derive(Default)]
pub struct Pending {
    held: Arc<Mutex<Vec<Kept>>>,
}

/// One mutation's, and what ends the tasks that keep its guards.
struct Kept {
    invalidation: Invalidation,
    _keepers: Vec<DropGuard>,
}

impl Pending {
    /// Nothing has changed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs the commit of the transaction, and then invalidates what it has changed, whatever came of it.
    ///
    /// Once this has returned, no call returns a value from before the commit.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it invalidates in the background.
    pub async fn commit<F: Future>(self, commit: F) -> F::Output {
        let output = commit.await;
        self.finish().await;
        output
    }

    /// Invalidates what has changed, after the transaction was committed or given up.
    pub async fn finish(self) {
        loop {
            let Some(kept) = lock(&self.held).pop() else { return };
            kept.invalidation.carry_out().await;
        }
    }

    /// How many mutations it holds.
    pub fn len(&self) -> usize {
        lock(&self.held).len()
    }

    /// Whether nothing has changed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same one, for a mutation whose body has it meanwhile.
    pub(crate) fn share(&self) -> Self {
        Self { held: Arc::clone(&self.held) }
    }

    /// Keeps guards until the commit.
    pub(super) fn hold(&self, invalidation: Invalidation) {
        let keepers = invalidation.keep();
        lock(&self.held).push(Kept { invalidation, _keepers: keepers });
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("mutations", &self.len()).finish()
    }
}

/// Which transaction a call is part of does not change what it returns: it runs its body.
impl crate::key::Handle for Pending {}

/// What may say that a call is part of a transaction: a parameter that is a `Pending`, or may be one.
pub trait MaybePending {
    /// Whether it is.
    fn is_pending(&self) -> bool;
}

impl MaybePending for Pending {
    fn is_pending(&self) -> bool {
        true
    }
}

impl<T: MaybePending + ?Sized> MaybePending for &T {
    fn is_pending(&self) -> bool {
        (**self).is_pending()
    }
}

impl<T: MaybePending + ?Sized> MaybePending for &mut T {
    fn is_pending(&self) -> bool {
        (**self).is_pending()
    }
}

impl<T: MaybePending> MaybePending for Option<T> {
    fn is_pending(&self) -> bool {
        self.as_ref().is_some_and(MaybePending::is_pending)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
