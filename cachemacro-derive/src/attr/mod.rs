//! What is written in an attribute, as written: one struct for each attribute.

mod args;
mod cache_methods;
mod cache_result;
mod companion;
mod duration;
mod invalidates;
mod nearest;
mod slot;
mod template;

pub(crate) use args::list;
pub(crate) use cache_methods::CacheMethods;
pub(crate) use cache_result::{CacheResult, Skipped, Ttl};
pub(crate) use companion::Companion;
pub(crate) use invalidates::{Entry, Invalidates, Typed};
pub(crate) use nearest::did_you_mean;
pub(crate) use slot::Slot;
pub(crate) use template::{Hole, Part, Template};
