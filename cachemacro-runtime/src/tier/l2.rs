//! The shared tier: a store of bytes, and the codec in front of it.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::{AnyCodec, Reach};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Journal, OnDelivered};
use crate::store::{Ask, Entry, Fill, Found, Lease, Store, Token, Verdict};
use crate::task::Tasks;
use crate::tier::{Glimpse, Storing};

/// A store, its codec, and the invalidations it has not yet taken.
pub(crate) struct L2 {
    store: Arc<dyn Store>,
    codec: AnyCodec,
    journal: Arc<Journal>,
    tasks: Tasks,
}

/// What a lookup found.
pub(crate) enum L2Sighting<V> {
    Hit(Arc<V>),
    Lead,
    Busy,
    Unfillable,
    Unreadable(Error),
    Failed(Error),
}

impl L2 {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        codec: AnyCodec,
        tasks: Tasks,
        on_delivered: Arc<OnDelivered>,
    ) -> Self {
        let journal = Arc::new(Journal::new(Arc::clone(&store), tasks.clone(), on_delivered));
        Self { store, codec, journal, tasks }
    }

    pub(crate) async fn lookup<V, R: Reach<V>>(
        &self,
        key: &[u8],
        version: u32,
        lease: Lease,
    ) -> L2Sighting<V> {
        if let Err(error) = self.admits(key) {
            return L2Sighting::Failed(error);
        }
        match self.find(key, Some(lease)).await {
            Found::Hit(entry) => match R::open(self.codec, version, &entry.payload) {
                // An invalidation here, not yet delivered there, may have come while the lookup was under way.
                Ok(_) if self.journal.holds(key) => L2Sighting::Failed(quarantined(key)),
                Ok(value) => L2Sighting::Hit(Arc::new(value)),
                Err(error) => L2Sighting::Unreadable(error.with_key(key)),
            },
            Found::Lead => L2Sighting::Lead,
            Found::Busy => L2Sighting::Busy,
            Found::Absent => L2Sighting::Unfillable,
            Found::Foreign => L2Sighting::Unreadable(foreign(key)),
            Found::OtherKind => L2Sighting::Failed(other_kind(key)),
            Found::Failed(error) => L2Sighting::Failed(error),
        }
    }

    pub(crate) async fn glimpse<V, R: Reach<V>>(
        &self,
        key: &[u8],
        version: u32,
    ) -> Result<Option<Glimpse<V>>> {
        self.admits(key)?;
        match self.find(key, None).await {
            Found::Hit(entry) => {
                let value =
                    R::open(self.codec, version, &entry.payload).map_err(|error| error.with_key(key))?;
                let Entry { fill_id, ttl, ttl_left, .. } = entry;
                let ttl_left = ttl_left.unwrap_or_default();
                Ok(Some(Glimpse {
                    value: Arc::new(value),
                    fill_id,
                    age: ttl.saturating_sub(ttl_left),
                    ttl_left,
                }))
            }
            Found::Lead | Found::Busy | Found::Absent => Ok(None),
            Found::Foreign => Err(foreign(key)),
            Found::OtherKind => Err(other_kind(key)),
            Found::Failed(error) => Err(error),
        }
    }

    /// Stores a value, if its permit still stands.
    pub(crate) async fn fill<V, R: Reach<V>>(&self, storing: Storing<'_, V>) -> Result<Verdict> {
        let Storing { key, version, permit, mark, value, ttl } = storing;
        self.admits(key)?;
        let payload = R::seal(self.codec, version, value).map_err(|error| error.with_key(key))?;
        let verdict = self.store.fill(Fill { key, permit, fill_id: Token::random(), payload, ttl }).await?;
        Ok(self.confirm(verdict, mark))
    }

    pub(crate) async fn release(&self, key: &[u8], token: Token, mark: u64) -> Result<Verdict> {
        let verdict = self.store.release(key, token).await?;
        Ok(self.confirm(verdict, mark))
    }

    /// The store's verdict, unless it may not have known of an invalidation that waited here meanwhile.
    fn confirm(&self, verdict: Verdict, mark: u64) -> Verdict {
        if self.journal.mark() == mark { verdict } else { Verdict::Refused }
    }

    /// Renews a lease without waiting for the answer: whether it was still held shows at the fill.
    pub(crate) fn renew_later(&self, key: Arc<[u8]>, token: Token, ttl: Duration) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            let _ = store.renew(&key, Lease { token, ttl }).await;
        });
    }

    /// Releases a lease without waiting for the answer: if it is lost, it expires.
    pub(crate) fn release_later(&self, key: Arc<[u8]>, token: Token) {
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            let _ = store.release(&key, token).await;
        });
    }

    /// Removes keys; what the store does not take now is kept, and delivered when it does.
    pub(crate) async fn invalidate(&self, keys: &[&[u8]]) -> Result<()> {
        self.journal.deliver(keys).await
    }

    /// Delivers in the background, from a place that cannot wait.
    pub(crate) fn invalidate_later(&self, keys: Vec<Box<[u8]>>) {
        self.journal.deliver_later(keys);
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    async fn find(&self, key: &[u8], lease: Option<Lease>) -> Found {
        let found = self.store.lookup(&[Ask { key, lease }]).await.pop();
        found.unwrap_or_else(|| {
            let detail = "the store gave no answer for the key";
            Found::Failed(Error::new(ErrorKind::Unavailable, "lookup", detail).with_key(key))
        })
    }

    /// Refuses what must not be asked of the store.
    fn admits(&self, key: &[u8]) -> Result<()> {
        let bound = self.store.capabilities().key_bytes_max;
        if key.len() > bound {
            let detail = format!("a key of {} bytes is longer than the store's {bound}", key.len());
            return Err(Error::new(ErrorKind::Unstorable, "lookup", detail));
        }
        if self.journal.holds(key) {
            return Err(quarantined(key));
        }
        Ok(())
    }
}

impl std::fmt::Debug for L2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L2").field("store", &self.store.name()).finish_non_exhaustive()
    }
}

fn quarantined(key: &[u8]) -> Error {
    let detail = "an invalidation of it is not yet delivered, so what is stored may be old";
    Error::new(ErrorKind::Unavailable, "lookup", detail).with_key(key)
}

fn foreign(key: &[u8]) -> Error {
    Error::new(ErrorKind::Unreadable, "lookup", "it was not written by cachemacro").with_key(key)
}

fn other_kind(key: &[u8]) -> Error {
    let detail = "the store holds data of another kind under this key; choose another key template";
    Error::new(ErrorKind::Rejected, "lookup", detail).with_key(key)
}
