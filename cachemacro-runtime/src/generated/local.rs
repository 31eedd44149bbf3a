//! What generated code calls for functions with `tier = local`: values need no serde.

use std::pin::Pin;

use super::{
    Call, Guard, Guarding, InProcess, Lender, Local, Owned, Peek, Peeking, Shape, Sharing, Site, Target,
    Terms,
};
use crate::error::Result;

/// Asks of a value, once, that it can be cached in this process.
pub fn cacheable<S>(shape: S) -> impl Sharing<Output = S::Output, Value: Local>
where
    S: Sharing<Value: Local>,
{
    shape
}

/// Answers a call from this process, or with the body.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub fn read<'a, S, P, F>(
    call: Call<'a, P>,
    _shape: S,
    lender: &'a Lender,
    body: Pin<&'a mut F>,
) -> impl Future<Output = S::Output>
where
    S: Sharing,
    S::Value: Local,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::read::<S, InProcess, P, F>(call, lender, body)
}

/// Runs the body, and replaces what is stored.
pub async fn refresh<S, P, F>(call: Call<'_, P>, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh::<S, InProcess, P, F>(call, body).await
}

/// The same for a call that owns its key; the body is on the heap.
pub fn refresh_owned<S, F>(call: Owned, _shape: S, body: F) -> impl Future<Output = S::Output>
where
    S: Sharing,
    S::Value: Local,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh_owned::<S, InProcess, F>(call, body)
}

/// Looks at what is stored, and changes nothing.
pub fn peek<S>(target: Target, _shape: S) -> Peeking<S::Output>
where
    S: Shape,
    S::Value: Local,
{
    Box::pin(crate::cache::peek::<S, InProcess>(target))
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

/// Guards a key of a cached function by hand.
pub fn guard<S>(target: Target, site: &'static Site, _shape: S) -> Guarding<S::Output>
where
    S: Shape<Value: Local>,
{
    Box::pin(Guard::begin::<S::Value, InProcess>(target, site))
}
