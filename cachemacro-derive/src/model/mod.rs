//! What an attribute means for its function: resolved, checked, with no options left over.

mod attributes;
mod cached;
mod check;
mod computed;
mod invalidating;
mod key_type;
mod mutation_check;
mod storing;
mod types;

pub(crate) use cached::{CacheSource, Cached, KeyPiece, Param, Role};
pub(crate) use computed::Computed;
pub(crate) use invalidating::{Arg, Captured, Invalidating, KeyText, Step, Target};
pub(crate) use key_type::{Content, KeyType, Variant, Written};
pub(crate) use storing::Storing;
pub(crate) use types::{with_inferred_lifetimes, with_one_lifetime};
