//! The type of a function's values, for what handles them without knowing it.
//!
//! Tiers and flows are compiled once for all types, and not again with each function: of a value, they know that it is
//! shared, and whose it is.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use super::{AnyCodec, Reach};
use crate::error::Result;
use crate::form::Form;
use crate::policy::Stamp;
use crate::shape::{Local, Shared};

/// The form of a function's values, and their type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Typed {
    form: Form,
    kind: &'static Kind,
}

/// A type, and how far its values go.
#[derive(Debug)]
struct Kind {
    is: fn(&dyn Any) -> bool,
    weigh: fn(&dyn Any) -> usize,
    seal: fn(AnyCodec, Form, Stamp, &dyn Any) -> Result<Bytes>,
    open: fn(AnyCodec, Form, &[u8]) -> Result<Shared>,
}

impl Typed {
    pub(crate) fn new<V: Local, R: Reach<V>>(form: Form) -> Self {
        let kind = const {
            &Kind {
                is: |value| value.is::<V>(),
                weigh: |value| known(value, R::weigh),
                seal: |codec, form, stamp, value| known(value, |value| R::seal(codec, form, stamp, value)),
                open: |codec, form, payload| Ok(Arc::new(R::open(codec, form, payload)?)),
            }
        };
        Self { form, kind }
    }

    /// The same type in another form.
    pub(crate) fn with(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Whether a value is of this type.
    pub(crate) fn is(&self, value: &Shared) -> bool {
        (self.kind.is)(&**value)
    }

    /// The bytes that a value of this type takes in this process, about.
    pub(crate) fn weigh(&self, value: &Shared) -> usize {
        (self.kind.weigh)(&**value)
    }

    /// A value of this type with its header.
    pub(crate) fn seal(&self, codec: AnyCodec, stamp: Stamp, value: &Shared) -> Result<Bytes> {
        (self.kind.seal)(codec, self.form, stamp, &**value)
    }

    /// The value of a header and what follows it.
    pub(crate) fn open(&self, codec: AnyCodec, payload: &[u8]) -> Result<Shared> {
        (self.kind.open)(codec, self.form, payload)
    }
}

impl Deref for Typed {
    type Target = Form;

    fn deref(&self) -> &Form {
        &self.form
    }
}

fn known<V: Local, T>(value: &dyn Any, ask: impl FnOnce(&V) -> T) -> T {
    ask(value.downcast_ref().expect("values are handed over with their own type"))
}
