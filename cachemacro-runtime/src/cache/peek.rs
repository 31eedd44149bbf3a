//! A look at what is stored, which changes nothing.

use std::fmt;
use std::time::Duration;

use crate::cache::{Resolved, Target};
use crate::error::Result;
use crate::shape::{Cacheable, Shape};
use crate::tier::Tier;

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

pub(crate) async fn peek<S>(target: Target) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Cacheable,
{
    let cache = Resolved::new(target.cache);
    let glimpse = cache.tier().glimpse::<S::Value>(target.key.as_bytes()).await?;
    let tier = match cache.tier() {
        Tier::Local(_) => TierName::Local,
        Tier::Shared(_) => TierName::Shared,
    };
    Ok(glimpse.map(|glimpse| Peek {
        value: S::output((*glimpse.value).clone()),
        age: glimpse.age,
        ttl_left: glimpse.ttl_left,
        tier,
    }))
}
