//! Keys that are refreshed again and again, whether or not anybody calls: `refresh_every`.
//!
//! A key is kept warm by a task of its own from its first call in this process on, until it has not been called
//! for a day. Of all processes one refreshes it each time: the others find it younger than that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::cache::{Cache, Inner, current};
use crate::chance;
use crate::codec::Typed;
use crate::flight::Seat;
use crate::protocol::flight::Progress;
use crate::site::Site;
use crate::tier::Sighting;

use super::refreshers::Begun;
use super::ticket::{Leased, Right, Ticket};
use super::{Again, Start};

/// How many keys of a cache are kept warm; further ones are when one of these is not any more.
const KEYS_MAX: usize = 1000;

/// How long a key is kept warm after its last call.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys that are kept warm in this process, and when each was last called.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    // Held for a map operation, and never across an await.
    keys: Mutex<HashMap<Arc<[u8]>, Instant>>,
}

/// What keeps one key warm.
struct Keeper {
    cache: Weak<Inner>,
    /// The cache of the scope that it was first called in.
    scope: Option<Weak<Inner>>,
    site: &'static Site,
    key: Arc<[u8]>,
    form: Typed,
    every: Duration,
    again: Again,
}

impl Keepers {
    /// Notes a call; says whether the key is one more to be kept warm.
    fn called(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        let (mut keys, now) = (self.keys(), Instant::now());
        if let Some(called) = keys.get_mut(key) {
            *called = now;
            return None;
        }
        if keys.len() >= KEYS_MAX {
            return None;
        }
        let key: Arc<[u8]> = key.into();
        keys.insert(Arc::clone(&key), now);
        Some(key)
    }

    /// Forgets a key that was not called for long; says whether it did.
    fn forgets(&self, key: &[u8]) -> bool {
        let mut keys = self.keys();
        let is_over = keys.get(key).is_none_or(|called| called.elapsed() >= KEPT_FOR);
        if is_over {
            keys.remove(key);
        }
        is_over
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Arc<[u8]>, Instant>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a key warm from now on, if it is not already: `again` makes its loads.
pub(super) fn keep(
    cache: &Cache,
    site: &'static Site,
    key: &[u8],
    form: Typed,
    every: Duration,
    again: impl FnOnce() -> Option<Again>,
) {
    let Some(key) = cache.inner.keepers.called(key) else { return };
    let Some(again) = again() else { return };
    let scope = current::scoped().map(|cache| Arc::downgrade(&cache.inner));
    let keeper = Keeper { cache: Arc::downgrade(&cache.inner), scope, site, key, form, every, again };
    cache.inner.tasks.spawn_until_closed(keeper.run());
}

impl Keeper {
    async fn run(mut self) {
        let mut pause = self.every;
        loop {
            // Early, so that what is loaded at the same time is not always loaded at the same time.
            sleep(pause.mul_f64(1.0 - chance::random::<f64>() / 20.0)).await;
            let Some(inner) = self.cache.upgrade() else { return };
            if inner.keepers.forgets(&self.key) {
                return;
            }
            pause = self.refresh(&Cache { inner }).await;
        }
    }

    /// Refreshes the key if nobody else has; says when to look again.
    async fn refresh(&mut self, cache: &Cache) -> Duration {
        let (tier, key) = (cache.tier_of(self.site).clone(), Arc::clone(&self.key));
        let (mark, form) = (tier.mark(), self.form);
        let is_tagged = self.site.is_tagged();
        let Ok(found) = tier.glimpse_current(&key, form, is_tagged).await else { return self.every };
        let ticket = |right| Ticket::new(cache.clone(), tier.clone(), Arc::clone(&key), right);
        match found {
            // Another process has refreshed it, or an early hit.
            Some(found) if found.age < self.every / 2 => return self.every - found.age,
            Some(found) => {
                let Begun::Go(place) = cache.inner.refreshers.begin(&key) else { return self.every };
                let right = Right::Replace { fill_id: found.fill_id, mark, place, lease: None };
                if let Leased::Ours(ticket) = ticket(right).leased().await {
                    self.load(cache, ticket).await;
                }
            }
            None => {
                let Seat::Lead(mut lead) = cache.inner.flights.enter(&key) else { return self.every };
                if is_tagged && tier.discard_outdated(&key, form).await.is_err() {
                    return self.every;
                }
                lead.progress(Progress::LookupSent);
                let sighting = tier.lookup(&key, &form, cache.inner.settings.lease).await;
                if let Sighting::Lead(lease) = sighting {
                    lead.hold(lease);
                    self.load(cache, ticket(Right::Lead(lead))).await;
                }
            }
        }
        self.every
    }

    /// Runs the body in a task of its own, which may panic.
    async fn load(&mut self, cache: &Cache, ticket: Ticket) {
        let start: Start = (self.again)();
        let (sender, ended) = oneshot::channel::<()>();
        let scope = self.scope.as_ref().and_then(Weak::upgrade).map(|inner| Cache { inner });
        cache.inner.tasks.spawn(async move {
            let _sender = sender;
            match scope {
                Some(cache) => drop(cache.scope(start(ticket)).await),
                None => drop(start(ticket).await),
            }
        });
        // Dropped at its end, however that comes.
        let _ = ended.await;
    }
}
