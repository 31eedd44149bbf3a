//! What generated code calls for functions with `tier = local`: values need no serde.

use std::pin::Pin;

use super::{Call, Local, Peek, Shape, Sharing, Target, Terms};
use crate::codec::InProcess;
use crate::error::Result;

/// Answers a call from this process, or with the body.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub async fn read<S, P, F>(call: Call<P>, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::read::<S, InProcess, P, F>(call, body).await
}

/// Runs the body, and replaces what is stored.
pub async fn refresh<S, P, F>(call: Call<P>, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh::<S, InProcess, P, F>(call, body).await
}

/// Looks at what is stored, and changes nothing.
pub async fn peek<S>(target: Target, _shape: S) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Local,
{
    crate::cache::peek::<S, InProcess>(target).await
}

/// Answers a call of a function that is not async.
pub fn read_now<S, P>(call: Call<P>, _shape: S, body: impl FnOnce() -> S::Output) -> S::Output
where
    S: Shape,
    S::Value: Local,
    P: Terms<S::Found>,
{
    crate::cache::read_now::<S, P>(call, body)
}

/// Runs the body of a function that is not async, and replaces what is stored.
pub fn refresh_now<S, P>(call: Call<P>, _shape: S, body: impl FnOnce() -> S::Output) -> S::Output
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
