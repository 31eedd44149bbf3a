//! How far the values of a function go, and what that asks of them.

use bytes::Bytes;

use super::{AnyCodec, unreadable, unstorable, weigh};
use crate::error::Result;
use crate::form::Form;
use crate::policy::Stamp;
use crate::shape::{Cacheable, Local};

/// How far values of the type `V` go.
#[diagnostic::on_unimplemented(
    message = "`{V}` cannot be cached",
    label = "the function's value",
    note = "a cached value is `Clone + Send + Sync + 'static`, and `Serialize + DeserializeOwned` so that it can be stored in a shared cache"
)]
pub trait Reach<V>: 'static {
    /// The bytes that one takes in this process, about.
    fn weigh(value: &V) -> usize;

    /// The value with its header.
    fn seal(codec: AnyCodec, form: Form, stamp: Stamp, value: &V) -> Result<Bytes>;

    /// The value of a header and what follows it.
    fn open(codec: AnyCodec, form: Form, payload: &[u8]) -> Result<V>;
}

/// To a shared store, if there is one.
#[derive(Debug)]
pub struct Anywhere;

/// No farther than this process: nothing can encode them.
#[derive(Debug)]
pub struct InProcess;

impl<V: Cacheable> Reach<V> for Anywhere {
    fn weigh(value: &V) -> usize {
        weigh(value)
    }

    fn seal(codec: AnyCodec, form: Form, stamp: Stamp, value: &V) -> Result<Bytes> {
        codec.seal(form, stamp, value)
    }

    fn open(codec: AnyCodec, form: Form, payload: &[u8]) -> Result<V> {
        codec.open(form, payload)
    }
}

impl<V: Local> Reach<V> for InProcess {
    /// What is on the heap is not seen.
    fn weigh(_value: &V) -> usize {
        size_of::<V>()
    }

    fn seal(_codec: AnyCodec, _form: Form, _stamp: Stamp, _value: &V) -> Result<Bytes> {
        Err(unstorable("it does not leave its process"))
    }

    fn open(_codec: AnyCodec, _form: Form, _payload: &[u8]) -> Result<V> {
        Err(unreadable("it is of a function that reads nothing from a store"))
    }
}
