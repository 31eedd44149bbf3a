//! A look at what is stored, which changes nothing.

use std::fmt;
use std::time::Duration;

use crate::cache::{Resolved, Target};
use crate::codec::{InProcess, Reach, Typed};
use crate::error::Result;
use crate::form::Form;
use crate::shape::{Local, Shape, owned};
use crate::site::Site;
use crate::tag::Tag;
use crate::tier::{Glimpse, Tagged, Tier};

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
    /// The tags that it stands under.
    pub tags: Vec<Tag>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TierName {
    /// In this process.
    Local,
    /// In the shared store, and kept in this process in front of it.
    Near,
    /// In the shared store.
    Shared,
}

impl fmt::Display for TierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Near => "near",
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
    let form = Typed::new::<S::Value, R>(target.site.map_or_else(Form::default, Site::form));
    let strict = target.site.is_some_and(Site::is_strict);
    if target.site.is_some_and(Site::is_tagged) {
        let key = target.key.as_bytes();
        let name = match tier {
            Tier::Local(_) => TierName::Local,
            Tier::Shared(_) if !strict && tier.is_near_under(key, form) => TierName::Near,
            Tier::Shared(_) => TierName::Shared,
        };
        let found = tier.glimpse_under(target.key.as_bytes(), form).await?;
        return Ok(current(found).map(|(glimpse, tags)| peeked::<S>(glimpse, name, tags)));
    }
    let glimpse = tier.glimpse(target.key.as_bytes(), form).await?;
    let name = match tier {
        Tier::Local(_) => TierName::Local,
        Tier::Shared(_) if !strict && tier.is_near(target.key.as_bytes(), form.version) => TierName::Near,
        Tier::Shared(_) => TierName::Shared,
    };
    Ok(glimpse.map(|glimpse| peeked::<S>(glimpse, name, Vec::new())))
}

/// Looks at what is in this process, which takes no waiting.
pub(crate) fn peek_now<S>(target: Target) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Local,
{
    let cache = Resolved::new(target.cache);
    let form = Typed::new::<S::Value, InProcess>(target.site.map_or_else(Form::default, Site::form));
    let Tier::Local(l1) = cache.local() else { return Ok(None) };
    let key = target.key.as_bytes();
    let found = match target.site.is_some_and(Site::is_tagged) {
        true => current(l1.glimpse_under(key, form)?),
        false => l1.glimpse(key, form)?.map(|glimpse| (glimpse, Vec::new())),
    };
    Ok(found.map(|(glimpse, tags)| peeked::<S>(glimpse, TierName::Local, tags)))
}

/// What is stored, unless a tag of it was invalidated.
fn current(found: Option<Tagged>) -> Option<(Glimpse, Vec<Tag>)> {
    found.filter(|tagged| tagged.is_current).map(|tagged| (tagged.glimpse, tagged.tags))
}

fn peeked<S>(glimpse: Glimpse, tier: TierName, tags: Vec<Tag>) -> Peek<S::Output>
where
    S: Shape,
    S::Value: Local,
{
    let Glimpse { value, age, ttl_left, .. } = glimpse;
    Peek { value: S::output(owned(value)), age, ttl_left, tier, tags }
}
