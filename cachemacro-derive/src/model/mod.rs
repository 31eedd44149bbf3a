//! What an attribute means for its function: resolved, checked, with no options left over.

mod attributes;
mod cached;
mod check;
mod generics;
mod invalidating;
mod key;
mod known;
mod methods;
mod mutation_check;
mod param;
mod returns;
mod types;

pub(crate) use cached::{CacheSource, Cached, Home};
pub(crate) use invalidating::{Arg, Captured, Invalidating, KeyText, Step, Target};
pub(crate) use key::KeyPiece;
pub(crate) use methods::Impl;
pub(crate) use param::{KeyParam, Kind, Param};
pub(crate) use returns::How;
pub(crate) use types::with_one_lifetime;
