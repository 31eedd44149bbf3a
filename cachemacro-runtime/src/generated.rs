//! All that generated code may name: the contract between the attributes and the engine.
//!
//! It is public for them alone; nothing here is promised to anybody else.

pub mod local;

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

pub use inventory;

use crate::codec::Anywhere;

pub use crate::cache::{Cache, Call, Invalidation, On, Peek, Target};
pub use crate::error::Result;
pub use crate::key::{Handle, HandleFor};
pub use crate::key::{Key, KeyArg, KeyBuf, KeyHash, KeyPart, Piece, Template};
pub use crate::outcome::{Outcome, rungs};
pub use crate::policy::{Clauses, Jitter, Terms};
pub use crate::shape::{Cacheable, HasNone, Local, Probe, Shape, Sharing, ladder};
pub use crate::site::{Registered, Shares, Site, SiteSpec};

/// Answers a call from the cache, or with the body.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub async fn read<S, P, F>(call: Call<P>, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::read::<S, Anywhere, P, F>(call, body).await
}

/// Runs the body, and replaces what is stored.
pub async fn refresh<S, P, F>(call: Call<P>, _shape: S, body: Pin<&mut F>) -> S::Output
where
    S: Sharing,
    S::Value: Cacheable,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh::<S, Anywhere, P, F>(call, body).await
}

/// Looks at what is stored, and changes nothing.
pub async fn peek<S>(target: Target, _shape: S) -> Result<Option<Peek<S::Output>>>
where
    S: Shape,
    S::Value: Cacheable,
{
    crate::cache::peek::<S, Anywhere>(target).await
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

/// All that an attribute says of a call's value, with closures that know what they look at.
pub fn clauses<S, T, U>(_shape: &S, when: bool, ttl: T, unless: U, negative_ttl: Duration) -> Clauses<T, U>
where
    S: Shape,
    T: Fn(&S::Found) -> Duration,
    U: Fn(&S::Found) -> bool,
{
    Clauses { when, ttl, unless, negative_ttl }
}

/// `<filter:hash>`
pub struct Hashed<'a, T: ?Sized>(pub &'a T);

impl<T: KeyHash + ?Sized> KeyPart for Hashed<'_, T> {
    type Form = ();

    fn write(&self, key: &mut KeyBuf) {
        key.push_hash(self.0);
    }
}

impl<T: ?Sized> fmt::Debug for Hashed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed")
    }
}

/// Asks, where a parameter `P` is neither in the key nor skipped, that its type cannot matter.
pub fn is_handle<T: HandleFor<P> + ?Sized, P>() {}

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
