//! What is written in an attribute, as written: one struct for each attribute.

mod args;
mod cache_result;
mod duration;
mod invalidates;
pub(crate) mod key_part;
mod nearest;
mod slot;
mod storing;
mod template;
mod with;

pub(crate) use args::list;
pub(crate) use cache_result::{CacheResult, Skipped};
pub(crate) use invalidates::{Entry, Invalidates, Typed};
pub(crate) use nearest::did_you_mean;
pub(crate) use slot::Slot;
pub(crate) use storing::{Tier, Ttl};
pub(crate) use template::{Hole, Part, Template};
pub(crate) use with::With;
