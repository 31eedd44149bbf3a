//! The forms of composites, for [`KeyArg`](super::KeyArg) to compare. They hold no value.

use std::marker::PhantomData;

/// The form of an `Option` of what has the form `F`.
#[derive(Debug)]
pub struct Maybe<F: ?Sized>(PhantomData<F>);

/// The form of a list, of any kind, of what has the form `F`.
#[derive(Debug)]
pub struct List<F: ?Sized>(PhantomData<F>);

/// The form of one element of a tuple; a form need not be sized, and elements must be.
#[derive(Debug)]
pub struct Of<F: ?Sized>(PhantomData<F>);
