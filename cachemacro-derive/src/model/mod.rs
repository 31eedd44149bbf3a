//! What an attribute means for its function: resolved, checked, with no options left over.

mod attributes;
mod cached;
mod check;
mod invalidating;
mod mutation_check;
mod types;

pub(crate) use cached::{CacheSource, Cached, KeyPiece, Param, Role};
pub(crate) use invalidating::{Arg, Captured, Invalidating, KeyText, Step, Target};
pub(crate) use types::with_one_lifetime;
