//! How far the values of a function go, and what that asks of them.

use bytes::Bytes;

use super::{AnyCodec, unreadable, unstorable, weigh};
use crate::error::Result;
use crate::shape::{Cacheable, Local};

/// How far values of the type `V` go.
pub(crate) trait Reach<V>: 'static {
    /// The bytes that one takes in this process, about.
    fn weigh(value: &V) -> usize;

    /// The value with its header.
    fn seal(codec: AnyCodec, version: u32, value: &V) -> Result<Bytes>;

    /// The value of a header and what follows it.
    fn open(codec: AnyCodec, version: u32, payload: &[u8]) -> Result<V>;
}

/// To a shared store, if there is one.
#[derive(Debug)]
pub(crate) enum Anywhere {}

/// No farther than this process: nothing can encode them.
#[derive(Debug)]
pub(crate) enum InProcess {}

impl<V: Cacheable> Reach<V> for Anywhere {
    fn weigh(value: &V) -> usize {
        weigh(value)
    }

    fn seal(codec: AnyCodec, version: u32, value: &V) -> Result<Bytes> {
        codec.seal(version, value)
    }

    fn open(codec: AnyCodec, version: u32, payload: &[u8]) -> Result<V> {
        codec.open(version, payload)
    }
}

impl<V: Local> Reach<V> for InProcess {
    /// What is on the heap is not seen.
    fn weigh(_value: &V) -> usize {
        size_of::<V>()
    }

    fn seal(_codec: AnyCodec, _version: u32, _value: &V) -> Result<Bytes> {
        Err(unstorable("it does not leave its process"))
    }

    fn open(_codec: AnyCodec, _version: u32, _payload: &[u8]) -> Result<V> {
        Err(unreadable("it is of a function that reads nothing from a store"))
    }
}
