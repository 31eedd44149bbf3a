//! What is written in an attribute, as written: one struct for each attribute.

mod args;
mod batch;
mod cache_methods;
mod cache_put;
mod cache_result;
mod codec;
mod companion;
mod duration;
mod freshness;
mod guards;
mod invalidates;
pub(crate) mod key_part;
mod nearest;
mod slot;
mod storing;
mod tags;
mod template;
mod with;

pub(crate) use args::list;
pub(crate) use batch::Batch;
pub(crate) use cache_methods::CacheMethods;
pub(crate) use cache_put::{CachePut, PutTtl};
pub(crate) use cache_result::{CacheResult, Skipped};
pub(crate) use codec::{Codec, Wrapping};
pub(crate) use companion::Companion;
pub(crate) use freshness::{Freshness, Timeout};
pub(crate) use guards::Guards;
pub(crate) use invalidates::{Commit, Entry, Invalidates, Typed};
use nearest::or_meant;
pub(crate) use nearest::{did_you_mean, meant_or_all, nearest};
pub(crate) use slot::Slot;
pub(crate) use storing::{Consistency, TTL_MAX, Tier, Ttl};
pub(crate) use tags::Group;
pub(crate) use template::{Hole, Part, Template};
pub(crate) use with::With;
