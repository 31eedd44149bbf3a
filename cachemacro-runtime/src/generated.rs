//! All that generated code may name: the contract between the attributes and the engine.
//!
//! It is public for them alone; nothing here is promised to anybody else.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;

pub use inventory;

pub use crate::cache::{Cache, Call, Invalidation, On, Peek, Target};
pub use crate::error::Result;
pub use crate::key::{Key, KeyArg, KeyBuf, KeyPart, Piece, Template};
pub use crate::outcome::{Outcome, rungs};
pub use crate::policy::Jitter;
pub use crate::shape::{Cacheable, Probe, Shape, Sharing, ladder};
pub use crate::site::{Registered, Site, SiteSpec};

/// Answers a call from the cache, or with the body.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub async fn read<S, F>(call: Call, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    F: Future<Output = S::Output>,
{
    crate::cache::read::<S, F>(call, body).await
}

/// Runs the body, and replaces what is stored.
pub async fn refresh<S, F>(call: Call, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh::<S, F>(call, body).await
}

/// Looks at what is stored, and changes nothing.
pub async fn peek<S>(target: Target, _shape: S) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Cacheable,
{
    crate::cache::peek::<S>(target).await
}

/// Removes what is stored under one key.
pub async fn invalidate(target: Target) -> Result<()> {
    crate::cache::invalidate(target).await
}

/// Runs the body of a mutation, and then invalidates, on every path.
///
/// `late` names what is known only from the body's value.
pub async fn invalidating<O, F, L>(
    invalidation: Invalidation,
    _outcome: O,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Target>,
{
    crate::cache::invalidating::<O, F, L>(invalidation, body, late).await
}

/// The `impl` that a method is in, with all that it is generic over, from a closure in the method.
///
/// What it is now: `<app::Repo as app::Load<u32>>` or `app::Repo<u32>`. As `type_name` promises no
/// form, more than that is taken for it where the form is another: calls then share less.
pub fn impl_of<C>(_closure: &C) -> &'static str {
    let mut path = std::any::type_name::<C>();
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    if path.ends_with('>')
        && let Some(arguments) = last_arguments(path)
    {
        path = path[..arguments].trim_end_matches("::");
    }
    path.rsplit_once("::").map_or(path, |(path, _method)| path)
}

/// Where the `<…>` at the end of a path begins.
fn last_arguments(path: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = path.as_bytes();
    for at in (0..bytes.len()).rev() {
        match bytes[at] {
            // Not the arrow of a function type.
            b'>' if at == 0 || bytes[at - 1] != b'-' => depth += 1,
            b'<' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Stands where a value of any type is wanted and no code ever comes.
pub fn never<T>() -> T {
    unreachable!("generated code does not call this")
}

/// An argument of a companion for a parameter of the type `T`: whatever is a [`KeyArg`] of its form.
///
/// It asks nothing of `T` where it is written, so that a type that cannot be part of a key is
/// reported once, and not at every method of the companion.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this key is made of: it takes `{T}`",
    label = "expected `{T}`"
)]
pub trait KeyFor<T: ?Sized>: KeyPart {}

#[diagnostic::do_not_recommend]
impl<T: KeyPart + ?Sized, A: KeyArg<T::Form>> KeyFor<T> for A {}

/// An argument of a companion that was written before a body moved what it was made of.
pub struct Written<F: ?Sized> {
    key: KeyBuf,
    form: PhantomData<fn(&F)>,
}

impl<F: ?Sized> Written<F> {
    /// Writes it.
    pub fn new(part: &(impl KeyArg<F> + ?Sized)) -> Self {
        let mut key = KeyBuf::new();
        part.write(&mut key);
        Self { key, form: PhantomData }
    }
}

impl<F: ?Sized> fmt::Debug for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

impl<F: ?Sized> KeyPart for Written<F> {
    type Form = F;

    fn write(&self, key: &mut KeyBuf) {
        key.push_raw(self.key.as_str());
    }
}

impl<F: ?Sized> KeyArg<F> for Written<F> {}

/// A whole parameter, for a companion whose key holds a field of it: the value, or a reference.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this key is made of: it takes `{T}`",
    label = "expected `{T}`"
)]
pub trait ArgRef<T: ?Sized> {
    /// The parameter.
    fn arg_ref(&self) -> &T;
}

impl<T: ?Sized> ArgRef<T> for T {
    fn arg_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> ArgRef<T> for &T {
    fn arg_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> ArgRef<T> for &&T {
    fn arg_ref(&self) -> &T {
        self
    }
}

/// The cache that `#[invalidates(…)]` does not name: that of the function, or else the current one.
#[derive(Clone, Copy, Debug)]
pub struct Ambient;

/// What an `#[invalidates(…)]` says about its cache: nothing, or which.
pub trait CacheChoice {
    /// The named one.
    fn named(self) -> Option<Cache>;
}

impl CacheChoice for Ambient {
    fn named(self) -> Option<Cache> {
        None
    }
}

impl CacheChoice for &Cache {
    fn named(self) -> Option<Cache> {
        Some(self.clone())
    }
}

/// A named cache, for the functions that choose theirs by their arguments.
#[diagnostic::on_unimplemented(
    message = "this function chooses its cache by its arguments, so the cache to invalidate in must be named",
    label = "which cache?",
    note = "add `cache = …` to `#[invalidates(…)]`"
)]
pub trait NamedCache: CacheChoice {}

impl NamedCache for &Cache {}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::impl_of;

    struct Repo<T>(PhantomData<T>);

    trait Load<T> {
        fn plain(&self) -> &'static str;
        fn generic<U>(&self) -> &'static str;
    }

    impl<T, U> Load<T> for Repo<U> {
        fn plain(&self) -> &'static str {
            let nested = || impl_of(&|| ());
            nested()
        }

        fn generic<V>(&self) -> &'static str {
            impl_of(&|| ())
        }
    }

    impl<T> Repo<T> {
        fn inherent<U>(_: U) -> &'static str {
            impl_of(&|| ())
        }
    }

    #[test]
    fn an_impl_is_named_with_all_that_it_is_generic_over() {
        let here = module_path!();
        let repo = Repo::<fn() -> u8>(PhantomData);
        let expected = format!("<{here}::Repo<fn() -> u8> as {here}::Load<u16>>");
        assert_eq!(Load::<u16>::plain(&repo), expected);
        assert_eq!(Load::<u16>::generic::<fn(Vec<u8>) -> Vec<u8>>(&repo), expected);
        assert_eq!(Repo::<u8>::inherent::<u32>(1), format!("{here}::Repo<u8>"));
    }
}
