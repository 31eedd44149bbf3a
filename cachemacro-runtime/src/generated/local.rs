//! What generated code calls for functions with `tier = local`: values need no serde.

use super::{Call, Local, Peek, Shape, Sharing, Target, Terms};
use crate::error::Result;

/// Asks of a value, once, that it can be cached in this process.
pub fn cacheable<S>(shape: S) -> impl Sharing<Output = S::Output, Value: Local>
where
    S: Sharing<Value: Local>,
{
    shape
}

/// Answers a call of a function that is not async.
pub fn read_now<S, P>(call: Call<'_, P>, _shape: S, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    crate::cache::read_now::<S, P>(call, body)
}

/// Runs the body of a function that is not async, and replaces what is stored.
pub fn refresh_now<S, P>(call: Call<'_, P>, _shape: S, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    crate::cache::refresh_now::<S, P>(call, body)
}

/// Looks at what is stored by a function that is not async.
pub fn peek_now<S>(target: Target, _shape: S) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Local,
{
    crate::cache::peek_now::<S>(target)
}

/// Removes what is stored by a function that is not async.
pub fn invalidate_now(target: &Target) {
    crate::cache::invalidate_now(target);
}
