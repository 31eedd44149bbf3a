//! A look at what is stored, which changes nothing.

use std::fmt;
use std::time::Duration;

use crate::cache::{Resolved, Target};
use crate::codec::Reach;
use crate::error::Result;
use crate::shape::{Local, Shape};
use crate::site::Site;
use crate::tier::{Glimpse, Tier};

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peek<T> {
    /// What the function would return.
    pub value: T,
    /// How long ago it was stored.
    pub age: Duration,
    /// How long it has left.
    pub ttl_left: Duration,
    /// Where it is.
    pub tier: TierName,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TierName {
    /// In this process.
    Local,
    /// In the shared store.
    Shared,
}

impl fmt::Display for TierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Shared => "shared",
        })
    }
}

pub(crate) async fn peek<S, R>(target: Target) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Local,
    R: Reach<S::Value>,
{
    let cache = Resolved::new(target.cache);
    let tier = cache.tier_of_target(target.site);
    let version = target.site.map_or(0, Site::version);
    let glimpse = tier.glimpse::<S::Value, R>(target.key.as_bytes(), version).await?;
    let name = match tier {
        Tier::Local(_) => TierName::Local,
        Tier::Shared(_) => TierName::Shared,
    };
    Ok(glimpse.map(|glimpse| peeked::<S>(&glimpse, name)))
}

/// Looks at what is in this process, which takes no waiting.
pub(crate) fn peek_now<S>(target: Target) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Local,
{
    let cache = Resolved::new(target.cache);
    let version = target.site.map_or(0, Site::version);
    let glimpse = match cache.local() {
        Tier::Local(l1) => l1.glimpse::<S::Value>(target.key.as_bytes(), version)?,
        Tier::Shared(_) => None,
    };
    Ok(glimpse.map(|glimpse| peeked::<S>(&glimpse, TierName::Local)))
}

fn peeked<S>(glimpse: &Glimpse<S::Value>, tier: TierName) -> Peek<S::Output>
where
    S: Shape,
    S::Value: Local,
{
    let Glimpse { value, age, ttl_left, .. } = glimpse;
    Peek { value: S::output((**value).clone()), age: *age, ttl_left: *ttl_left, tier }
}
