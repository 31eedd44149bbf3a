//! What an attribute means for its function: resolved, checked, with no options left over.

mod attributes;
mod batch;
mod cached;
mod check;
mod codec;
mod computed;
mod freshness;
mod generics;
mod invalidating;
mod key;
mod key_type;
mod known;
mod methods;
mod mutation_check;
mod param;
mod putting;
mod returns;
mod storing;
mod tags;
mod types;

pub(crate) use batch::Batched;
pub(crate) use cached::{CacheSource, Cached, Home};
pub(crate) use computed::Computed;
pub(crate) use freshness::{Freshness, borrow_of};
pub(crate) use invalidating::{Arg, Captured, Invalidating, KeyText, Step, Target};
pub(crate) use key::KeyPiece;
pub(crate) use key_type::{Content, KeyType, Variant, Written};
pub(crate) use methods::Impl;
pub(crate) use param::{KeyParam, Kind, Param};
pub(crate) use putting::Putting;
pub(crate) use returns::How;
pub(crate) use storing::Storing;
pub(crate) use tags::{Group, mask};
pub(crate) use types::{with_inferred_lifetimes, with_one_lifetime};
