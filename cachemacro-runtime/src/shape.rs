//! What a return type means to the cache, asked of the type itself, so that aliases work.
//!
//! | returns | is cached | is not |
//! |---|---|---|
//! | `Result<Option<T>, E>` | `T` | `Ok(None)`, `Err` |
//! | `Result<T, E>` | `T` | `Err` |
//! | `Option<T>` | `T` | `None` |
//! | `T` | `T` | |
//!
//! With `negative_ttl`, `Option<T>` is the value, `None` and all.
//!
//! The choice is method resolution: each `&` of [`Probe`] is a rung, tried from the most to the
//! least special (the technique is dtolnay's "autoref specialization").

pub mod batch;

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that may be cached in this process: owned, and shared between threads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "the function's value",
    note = "a value that is cached with `tier = local` is `Clone + Send + Sync + 'static`; an `Arc` of it may be what to return"
)]
pub trait Local: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Local for T {}

/// A value that may be cached: owned, shared between threads, and able to leave the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "the function's value",
    note = "a cached value is `Clone + Send + Sync + 'static`, and `Serialize + DeserializeOwned` so that it can be stored in a shared cache",
    note = "add `#[derive(Clone, serde::Serialize, serde::Deserialize)]` to it"
)]
pub trait Cacheable: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Cacheable for T {}

/// Something that is shared between callers of one flight.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// A value of this type for one caller: it itself, if nobody else has it.
pub(crate) fn owned<V: Local>(shared: Shared) -> V {
    Arc::unwrap_or_clone(shared.downcast().expect("what is found is of the type that was asked for"))
}

/// What a return type means.
pub trait Shape: Copy + Send + Sync + 'static {
    /// What the function returns.
    type Output: 'static;
    /// What of it is cached.
    type Value;
    /// What of that a closure of the attribute sees: the value itself, if it is not a cached `None`.
    type Found: 'static;

    /// The part that is cached, if there is one this time.
    fn value(output: &Self::Output) -> Option<&Self::Value>;

    /// What a closure of the attribute sees: nothing of a `None`.
    fn found(value: &Self::Value) -> Option<&Self::Found>;

    /// What the function returns on a hit.
    fn output(value: Self::Value) -> Self::Output;

    /// Whether the function failed: its output is an error.
    fn is_error(_output: &Self::Output) -> bool {
        false
    }
}

/// A shape that has an error.
#[diagnostic::on_unimplemented(
    message = "`stale_if_error` is for an error, and this function returns none",
    label = "no `Result`",
    note = "return a `Result`, or leave `stale_if_error` out"
)]
pub trait Fails {}

/// Whether what is not cached (an error, a `None`) can be given to others who wait for the same load.
pub trait Sharing: Shape {
    /// A copy for them to share, if there can be one.
    fn share(output: &Self::Output) -> Option<Arc<dyn Any + Send + Sync>>;

    /// The output for one of them.
    fn receive(shared: &(dyn Any + Send + Sync)) -> Option<Self::Output>;
}

/// The question, asked of the type `R`.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

impl<R> std::fmt::Debug for Probe<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Probe")
    }
}

macro_rules! shape {
    ($name:ident<$($param:ident),+>: $output:ty => $value:ty as $found:ty,
     |$out:ident| $take:expr, |$val:ident| $make:expr, |$kept:ident| $look:expr, $doc:literal $(, $error:ident)?) => {
        #[doc = $doc]
        pub struct $name<$($param),+>(PhantomData<fn() -> ($($param,)+)>);

        impl<$($param),+> Clone for $name<$($param),+> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($param),+> Copy for $name<$($param),+> {}
        impl<$($param),+> std::fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
        impl<$($param: 'static),+> Shape for $name<$($param),+> {
            type Output = $output;
            type Value = $value;
            type Found = $found;

            fn value($out: &Self::Output) -> Option<&Self::Value> {
                $take
            }
            fn found($kept: &Self::Value) -> Option<&Self::Found> {
                $look
            }
            fn output($val: Self::Value) -> Self::Output {
                $make
            }
            $(fn is_error(output: &Self::Output) -> bool {
                output.$error()
            })?
        }
    };
}

shape!(FallibleOption<T, E>: Result<Option<T>, E> => T as T,
    |output| output.as_ref().ok()?.as_ref(), |value| Ok(Some(value)), |value| Some(value), "`Result<Option<T>, E>`", is_err);
shape!(Fallible<T, E>: Result<T, E> => T as T,
    |output| output.as_ref().ok(), |value| Ok(value), |value| Some(value), "`Result<T, E>`", is_err);
shape!(Optional<T>: Option<T> => T as T,
    |output| output.as_ref(), |value| Some(value), |value| Some(value), "`Option<T>`");
shape!(Plain<T>: T => T as T,
    |output| (!hides_a_result::<T>()).then_some(output), |value| value, |value| Some(value), "any other type");
shape!(FallibleWithNone<T, E>: Result<Option<T>, E> => Option<T> as T,
    |output| output.as_ref().ok(), |value| Ok(value), |value| value.as_ref(),
    "`Result<Option<T>, E>` whose `None` is cached too", is_err);

impl<T, E> Fails for FallibleOption<T, E> {}
impl<T, E> Fails for Fallible<T, E> {}
impl<T, E> Fails for FallibleWithNone<T, E> {}
shape!(OptionalWithNone<T>: Option<T> => Option<T> as T,
    |output| Some(output), |value| value, |value| value.as_ref(),
    "`Option<T>` whose `None` is cached too");

/// What may be put for a function that returns `O`: the value of its `Ok`, what is in its `Option`, or all
/// that it returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this function caches: it returns `{O}`",
    label = "another type"
)]
pub trait ValueOf<O>: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> ValueOf<T> for T {}
impl<T: Send + Sync + 'static> ValueOf<Option<T>> for T {}
impl<T: Send + Sync + 'static, E> ValueOf<Result<T, E>> for T {}
impl<T: Send + Sync + 'static, E> ValueOf<Result<Option<T>, E>> for T {}

/// Whether a type parameter, or a `Self::Item`, of the `impl` around a method stands for a `Result` or an
/// `Option`, which no attribute could see: its errors must not be cached, so that nothing of it is.
///
/// `type_name` promises no form. Where it has another one, such a value is cached as any other is.
fn hides_a_result<T>() -> bool {
    let name = std::any::type_name::<T>();
    name.starts_with("core::result::Result<") || name.starts_with("core::option::Option<")
}

/// A return type that has a `None`. No other has: what reaches this trait is told so.
#[diagnostic::on_unimplemented(
    message = "`negative_ttl` is for a `None`, and `{Self}` has none",
    label = "no `Option`",
    note = "return an `Option`, or a `Result` of one; or leave `negative_ttl` out"
)]
pub trait HasNone {}

/// The rungs of the ladder; imported all at once where it is climbed.
pub mod ladder {
    use super::*;

    /// The first rung.
    pub trait ViaFallibleOption<T, E> {
        /// The shape.
        fn shape(&self) -> FallibleOption<T, E> {
            FallibleOption(PhantomData)
        }
    }
    impl<T, E> ViaFallibleOption<T, E> for &&&Probe<Result<Option<T>, E>> {}

    /// The second rung.
    pub trait ViaFallible<T, E> {
        /// The shape.
        fn shape(&self) -> Fallible<T, E> {
            Fallible(PhantomData)
        }
    }
    impl<T, E> ViaFallible<T, E> for &&Probe<Result<T, E>> {}

    /// The third rung.
    pub trait ViaOptional<T> {
        /// The shape.
        fn shape(&self) -> Optional<T> {
            Optional(PhantomData)
        }
    }
    impl<T> ViaOptional<T> for &Probe<Option<T>> {}

    /// The last rung.
    pub trait ViaPlain<T> {
        /// The shape.
        fn shape(&self) -> Plain<T> {
            Plain(PhantomData)
        }
    }
    impl<T> ViaPlain<T> for Probe<T> {}

    /// The first rung for a function with `negative_ttl`.
    pub trait ViaFallibleWithNone<T, E> {
        /// The shape.
        fn shape_with_none(&self) -> FallibleWithNone<T, E> {
            FallibleWithNone(PhantomData)
        }
    }
    impl<T, E> ViaFallibleWithNone<T, E> for &&Probe<Result<Option<T>, E>> {}

    /// The second rung for a function with `negative_ttl`.
    pub trait ViaOptionalWithNone<T> {
        /// The shape.
        fn shape_with_none(&self) -> OptionalWithNone<T> {
            OptionalWithNone(PhantomData)
        }
    }
    impl<T> ViaOptionalWithNone<T> for &Probe<Option<T>> {}

    /// The last rung for a function with `negative_ttl`: a type without a `None` is refused.
    pub trait ViaNoNone<T> {
        /// The shape.
        fn shape_with_none(&self) -> Plain<T>
        where
            T: HasNone,
        {
            Plain(PhantomData)
        }
    }
    impl<T> ViaNoNone<T> for Probe<T> {}

    /// First: what is not cached can be shared.
    pub trait ViaShared: Sized {
        /// What the shape is shared as.
        type Sharing;
        /// The sharing.
        fn sharing(self) -> Self::Sharing;
    }
    impl<S: Shape> ViaShared for &&S
    where
        S::Output: Clone + Send + Sync + 'static,
    {
        type Sharing = SharedRest<S>;
        fn sharing(self) -> SharedRest<S> {
            SharedRest(PhantomData)
        }
    }

    /// Otherwise: each caller makes its own.
    pub trait ViaOwn: Sized {
        /// What the shape is shared as.
        type Sharing;
        /// The sharing.
        fn sharing(self) -> Self::Sharing;
    }
    impl<S: Shape> ViaOwn for &S {
        type Sharing = OwnRest<S>;
        fn sharing(self) -> OwnRest<S> {
            OwnRest(PhantomData)
        }
    }
}

macro_rules! sharing {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        pub struct $name<S>(PhantomData<fn() -> S>);

        impl<S> Clone for $name<S> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<S> Copy for $name<S> {}
        impl<S> std::fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
        impl<S: Shape> Shape for $name<S> {
            type Output = S::Output;
            type Value = S::Value;
            type Found = S::Found;

            fn value(output: &Self::Output) -> Option<&Self::Value> {
                S::value(output)
            }
            fn found(value: &Self::Value) -> Option<&Self::Found> {
                S::found(value)
            }
            fn output(value: Self::Value) -> Self::Output {
                S::output(value)
            }
            fn is_error(output: &Self::Output) -> bool {
                S::is_error(output)
            }
        }
        impl<S: Fails> Fails for $name<S> {}
    };
}

sharing!(SharedRest, "Errors and `None`s go to all who wait for the same load.");
sharing!(OwnRest, "Errors cannot be copied: who waits loads for itself.");

impl<S: Shape> Sharing for SharedRest<S>
where
    S::Output: Clone + Send + Sync + 'static,
{
    fn share(output: &Self::Output) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(output.clone()))
    }

    fn receive(shared: &(dyn Any + Send + Sync)) -> Option<Self::Output> {
        shared.downcast_ref::<S::Output>().cloned()
    }
}

impl<S: Shape> Sharing for OwnRest<S> {
    fn share(_output: &Self::Output) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    fn receive(_shared: &(dyn Any + Send + Sync)) -> Option<Self::Output> {
        None
    }
}

#[cfg(test)]
#[expect(clippy::needless_borrow, reason = "each `&` is a rung of the ladder")]
mod tests {
    use super::ladder::*;
    use super::*;

    type Alias<T> = Result<T, std::fmt::Error>;
    #[derive(Debug, PartialEq)]
    struct NotClone;

    fn name(shape: impl std::fmt::Debug) -> String {
        format!("{shape:?}")
    }

    #[test]
    fn the_type_decides_and_not_its_spelling() {
        assert_eq!(name((&&&&Probe::<Alias<u8>>::NEW).shape()), "Fallible");
        assert_eq!(name((&&&&Probe::<Alias<Option<u8>>>::NEW).shape()), "FallibleOption");
        assert_eq!(name((&&&&Probe::<Option<u8>>::NEW).shape()), "Optional");
        assert_eq!(name((&&&&Probe::<Vec<u8>>::NEW).shape()), "Plain");
    }

    #[test]
    fn errors_are_shared_where_they_can_be_copied() {
        let shape = (&&&&Probe::<Result<u8, std::fmt::Error>>::NEW).shape();
        assert_eq!(name((&&shape).sharing()), "SharedRest");
        let shape = (&&&&Probe::<Result<u8, NotClone>>::NEW).shape();
        assert_eq!(name((&&shape).sharing()), "OwnRest");
    }

    #[test]
    fn a_none_is_a_value_where_it_is_asked_for() {
        let shape = (&&&Probe::<Alias<Option<u8>>>::NEW).shape_with_none();
        assert_eq!(name(shape), "FallibleWithNone");
        let shape = (&&&Probe::<Option<u8>>::NEW).shape_with_none();
        assert_eq!(name(shape), "OptionalWithNone");
        assert_eq!(<OptionalWithNone<u8> as Shape>::value(&None), Some(&None));
        assert_eq!(<OptionalWithNone<u8> as Shape>::found(&None), None);
        assert_eq!(<FallibleWithNone<u8, ()> as Shape>::value(&Ok(None)), Some(&None));
        assert_eq!(<FallibleWithNone<u8, ()> as Shape>::value(&Err(())), None);
        assert_eq!(<FallibleWithNone<u8, ()> as Shape>::found(&Some(1)), Some(&1));
    }

    #[test]
    fn only_values_are_cached() {
        assert_eq!(<FallibleOption<u8, ()> as Shape>::value(&Ok(Some(1))), Some(&1));
        assert_eq!(<FallibleOption<u8, ()> as Shape>::value(&Ok(None)), None);
        assert_eq!(<FallibleOption<u8, ()> as Shape>::value(&Err(())), None);
        assert_eq!(<Fallible<u8, NotClone> as Shape>::value(&Err(NotClone)), None);
        assert_eq!(<Optional<u8> as Shape>::value(&None), None);
        assert_eq!(<Plain<u8> as Shape>::value(&1), Some(&1));
        assert_eq!(<Plain<Result<u8, ()>> as Shape>::value(&Ok(1)), None, "behind a type parameter");
        assert_eq!(<Plain<Option<u8>> as Shape>::value(&Some(1)), None, "behind a type parameter");
    }
}
