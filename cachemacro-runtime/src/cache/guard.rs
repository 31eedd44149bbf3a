//! A guard by hand, and the write-through that stands on it.

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::DropGuard;

use crate::cache::guarded::{Doom, Guarded};
use crate::cache::invalidate::Scope;
use crate::cache::mutation::{Guards, guardable};
use crate::cache::{Cache, Cause, Resolved, Target};
use crate::codec::Reach;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::shape::{Local, Shape, Shared, ValueOf};
use crate::site::Site;
use crate::store::PutVerdict;
use crate::tier::Putting;

/// The guard of one key of a cached function, from before a commit to after it.
///
/// While it stands, nothing is stored under the key, and the value from before may still be served. It is
/// renewed until it is [put](Self::put), [finished](Self::finish) or dropped, which finishes it in the
/// background. If this process dies, it ends by itself, and takes the key with it.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct Guard<O> {
    guarded: Guarded,
    site: &'static Site,
    key: Arc<[u8]>,
    _keeper: Option<DropGuard>,
    put: PutFn,
    output: PhantomData<fn() -> O>,
}

impl<O> Guard<O> {
    /// Guards a key.
    pub(crate) async fn begin<V: Local, R: Reach<V>>(target: Target, site: &'static Site) -> Result<Self> {
        let mut guarded = of(target, site);
        guarded.begin().await?;
        let (key, keeper) = (guarded.only_key(), guarded.keep());
        Ok(Self { guarded, site, key, _keeper: keeper, put: boxed::<V, R>, output: PhantomData })
    }

    /// Ends the guard, after the commit, and stores what was committed; says whether it is stored.
    ///
    /// It is not if another writer or an invalidation came while the guard stood, as nobody knows then
    /// whose commit was the last: the key is invalidated, and the next call loads. Nor is it if the
    /// function's codec is `Raw<…>`, as no guard stands there, nor if it has tags.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the function computes its ttl, so that [`put_for`](Self::put_for) must be
    /// told, and if it caches an `Option` and the value is what is in it, or the other way round. If the
    /// store could not be told: the key is invalidated as soon as it can be.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, the key is invalidated in the background.
    pub async fn put<V: ValueOf<O>>(self, value: &V) -> Result<bool> {
        let Some(ttl) = self.site.ttl() else {
            let key = self.key.clone();
            self.finish().await?;
            let detail = "the function computes its ttl; say how long this value lives, by `put_for`";
            return Err(Error::new(ErrorKind::Config, "put", detail).with_key(&key));
        };
        self.put_for(value, ttl).await
    }

    /// The same, for this long.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, the key is invalidated in the background.
    pub async fn put_for<V: ValueOf<O>>(self, value: &V, ttl: Duration) -> Result<bool> {
        (self.put)(self.guarded, self.site, &self.key, value, ttl).await
    }

    /// Ends the guard, after the commit, and invalidates the key.
    ///
    /// # Errors
    ///
    /// If the store could not be told: the key is invalidated as soon as it can be.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it goes on in the background.
    pub async fn finish(self) -> Result<()> {
        self.guarded.finish().await
    }
}

impl<O> fmt::Debug for Guard<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("key", &String::from_utf8_lossy(&self.key)).finish_non_exhaustive()
    }
}

/// A mutation whose value replaces what is stored.
#[derive(Debug)]
pub struct WriteThrough {
    guarded: Guarded,
    site: &'static Site,
    key: Arc<[u8]>,
    ttl: Duration,
}

impl WriteThrough {
    /// What will be written, before the body.
    pub fn armed(target: Target, site: &'static Site, ttl: Duration) -> Self {
        let guarded = of(target, site);
        let key = guarded.only_key();
        Self { guarded, site, key, ttl }
    }

    /// Guards the key.
    ///
    /// # Errors
    ///
    /// If the guard is required, and is not known to stand. The mutation must not run then.
    pub async fn begin(&mut self, guards: Guards) -> Result<()> {
        if guards == Guards::Required {
            guardable(&self.guarded)?;
        }
        match self.guarded.begin().await {
            Err(error) if guards == Guards::Required => Err(error),
            Err(error) => {
                crate::trace::warn_unguarded(&error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Runs the body of a mutation, and stores its value; without one, invalidates.
///
/// A value is only stored if the guard is known to have stood before the body ran.
pub(crate) async fn putting<S, O, U, R, F>(armed: WriteThrough, body: Pin<&mut F>) -> O::Output
where
    S: Shape<Value: Local>,
    O: Shape<Value: 'static>,
    U: Outcome<Output = O::Output, Value: 'static>,
    R: Reach<S::Value>,
    F: Future<Output = O::Output>,
{
    let WriteThrough { guarded, site, key, ttl } = armed;
    let output = guarded.run(body).await;
    // A `None` is a value to a function with `negative_ttl`, and no value to any other.
    let found = O::value(&output).and_then(|value| (value as &dyn Any).downcast_ref::<S::Value>());
    let value = found.or_else(|| (U::value(&output)? as &dyn Any).downcast_ref::<S::Value>());
    let ended = match value {
        Some(value) => put::<S::Value, R>(guarded, site, &key, value, ttl).await.map(drop),
        None => guarded.finish().await,
    };
    if let Err(error) = ended {
        crate::trace::warn_undelivered(&error);
    }
    output
}

/// How values of a type are put: typed or encoded.
type PutFn =
    for<'a> fn(Guarded, &'static Site, &'a [u8], &'a (dyn Any + Send + Sync), Duration) -> Putted<'a>;
type Putted<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

fn boxed<'a, V: Local, R: Reach<V>>(
    guarded: Guarded,
    site: &'static Site,
    key: &'a [u8],
    value: &'a (dyn Any + Send + Sync),
    ttl: Duration,
) -> Putted<'a> {
    Box::pin(async move {
        match value.downcast_ref::<V>() {
            Some(value) => put::<V, R>(guarded, site, key, value, ttl).await,
            None => {
                guarded.finish().await?;
                let detail =
                    format!("the function caches a `{}`, and this is another type", type_name::<V>());
                Err(Error::new(ErrorKind::Config, "put", detail).with_key(key))
            }
        }
    })
}

async fn put<V: Local, R: Reach<V>>(
    guarded: Guarded,
    site: &'static Site,
    key: &[u8],
    value: &V,
    ttl: Duration,
) -> Result<bool> {
    let cache = &guarded.cache;
    let (life, form) = (cache.life_of_put(site, ttl), cache.typed::<V, R>(site));
    let is_used = site.is_enabled() && !site.is_tagged() && !cache.inner.tasks.is_closed();
    let (Some(guard), Some(life), true) = (guarded.certain(), life, is_used) else {
        guarded.finish().await?;
        return Ok(false);
    };
    let value: Shared = Arc::new(value.clone());
    let putting = Putting { key, site: Some(site), form, guard, value: &value, life };
    let verdict = guarded.tier().put(putting).await?;
    guarded.put();
    Ok(verdict == PutVerdict::Written)
}

/// One key of a function, unguarded yet.
fn of(target: Target, site: &'static Site) -> Guarded {
    let cache = Cache::clone(&Resolved::new(target.cache));
    let mut guarded = Guarded::new(cache, Scope::of(Some(site)));
    guarded.push(Doom { key: target.key, site: Some(site), cause: Cause::Mutation(Some(site)) });
    guarded
}
