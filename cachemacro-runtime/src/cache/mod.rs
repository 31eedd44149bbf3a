//! The handle, and the flows through it.

use std::pin::Pin;
use std::time::Duration;

use crate::error::Result;
use crate::generated::{Call, Target};
use crate::outcome::Outcome;
use crate::shape::{Cacheable, Shape, Sharing};

/// A cache.
#[derive(Clone, Debug, Default)]
pub struct Cache {}

/// When a mutation invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever the outcome.
    Any,
    /// Only if it returned `Ok`.
    Ok,
}

/// What a mutation is to invalidate.
#[derive(Debug)]
pub struct Invalidation {}

impl Invalidation {
    /// From before the body.
    pub fn armed(_targets: Vec<Target>, _on: On) -> Self {
        Self {}
    }
}

/// What is stored under a key.
#[derive(Debug)]
#[non_exhaustive]
pub struct Peek<T> {
    /// What the function would return.
    pub value: T,
    /// How long ago it was stored.
    pub age: Duration,
    /// How long it has left.
    pub ttl_left: Duration,
}

pub(crate) async fn read<S, F>(_call: Call, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    F: Future<Output = S::Output>,
{
    body.await
}

pub(crate) async fn refresh<S, F>(_call: Call, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    F: Future<Output = S::Output>,
{
    body.await
}

pub(crate) async fn peek<S>(_target: Target) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Cacheable,
{
    Ok(None)
}

pub(crate) async fn invalidate(_target: Target) -> Result<()> {
    Ok(())
}

pub(crate) async fn invalidating<O, F, L>(
    _invalidation: Invalidation,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Target>,
{
    let output = body.await;
    if let Some(value) = O::value(&output) {
        late(value);
    }
    output
}
