//! How a mutation ended, asked of its return type: the value of a `Result`, or all of any other type.

use std::marker::PhantomData;

use crate::shape::Probe;

/// What a mutation returns, and what of it is its value.
pub trait Outcome {
    /// What the function returns.
    type Output;
    /// What `result` stands for in `#[invalidates(…)]`.
    type Value;

    /// The value, unless it failed.
    fn value(output: &Self::Output) -> Option<&Self::Value>;
}

/// The outcome of a `Result<T, E>`.
#[derive(Debug)]
pub struct OfResult<T, E>(PhantomData<fn() -> (T, E)>);

/// The outcome of any other type: it never fails.
#[derive(Debug)]
pub struct OfAny<T>(PhantomData<fn() -> T>);

impl<T, E> Outcome for OfResult<T, E> {
    type Output = Result<T, E>;
    type Value = T;

    fn value(output: &Result<T, E>) -> Option<&T> {
        output.as_ref().ok()
    }
}

impl<T> Outcome for OfAny<T> {
    type Output = T;
    type Value = T;

    fn value(output: &T) -> Option<&T> {
        Some(output)
    }
}

/// The two rungs, tried in this order; see [`shape`](crate::shape).
pub mod rungs {
    use super::*;

    /// The first rung.
    pub trait ViaResult<T, E> {
        /// The outcome.
        fn outcome(&self) -> OfResult<T, E> {
            OfResult(PhantomData)
        }
    }
    impl<T, E> ViaResult<T, E> for &Probe<Result<T, E>> {}

    /// The second rung.
    pub trait ViaAny<T> {
        /// The outcome.
        fn outcome(&self) -> OfAny<T> {
            OfAny(PhantomData)
        }
    }
    impl<T> ViaAny<T> for Probe<T> {}
}
