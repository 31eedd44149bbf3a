//! All that generated code may name: the contract between the attributes and the engine.
//!
//! It is public for them alone; nothing here is promised to anybody else.

pub mod batch;
pub mod fresh;
mod hit;
mod impl_of;
pub mod local;
mod tags;

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

pub use inventory;

pub use crate::cache::{
    Cache, Call, Guard, Guards, Invalidation, Lender, MaybePending, On, Owned, PatternBuf, Peek, Pending,
    Refusable, Sought, Target, Targets, Unwritten, Warming, WriteThrough,
};
pub use crate::codec::{Anywhere, InProcess, Reach};
pub use crate::error::Result;
pub use crate::form::{Encoding, Format};
pub use crate::graph::{Entry, Mutation, Registered as RegisteredMutation};
pub use crate::key::{Handle, HandleFor};
pub use crate::key::{Image, Key, KeyArg, KeyBuf, KeyHash, KeyPart, Piece, Template};
pub use crate::outcome::{Outcome, rungs};
pub use crate::policy::{Clauses, Jitter, Policy, Terms, Windows};
pub use crate::shape::{Cacheable, HasNone, Local, Probe, Shape, Sharing, ValueOf, ladder};
pub use crate::site::{Registered, Shares, Site, SiteSpec};
pub use crate::tag::{Before, Tag};

pub use hit::{Imaged, hit, hit_unwritten, imaged};
pub use impl_of::impl_of;
pub use tags::{Group, GroupParts, group, invalidate_tag, tag, tagged, tagged_by_value};

/// Asks of a value, once, that it can be cached.
pub fn cacheable<S>(shape: S) -> impl Sharing<Output = S::Output, Value: Cacheable>
where
    S: Sharing<Value: Cacheable>,
{
    shape
}

/// Answers a call from the cache, or with the body.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub fn read<'a, S, R, P, F>(
    call: Call<'a, P>,
    _shape: S,
    _reach: R,
    lender: &'a Lender,
    body: Pin<&'a mut F>,
) -> impl Future<Output = S::Output>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::read::<S, R, P, F>(call, lender, body)
}

/// Runs the body, and replaces what is stored.
pub async fn refresh<S, R, P, F>(call: Call<'_, P>, _shape: S, _reach: R, body: Pin<&mut F>) -> S::Output
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh::<S, R, P, F>(call, body).await
}

/// The same for a call that owns its key; the body is on the heap.
pub fn refresh_owned<S, R, F>(call: Owned, _shape: S, _reach: R, body: F) -> impl Future<Output = S::Output>
where
    S: Sharing<Value: Local>,
    R: Reach<S::Value>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh_owned::<S, R, F>(call, body)
}

/// A look at what is stored.
pub type Peeking<O> = ByHand<Option<Peek<O>>>;

/// Looks at what is stored, and changes nothing.
pub fn peek<S, R>(target: Target, _shape: S, _reach: R) -> Peeking<S::Output>
where
    S: Shape<Value: Local>,
    R: Reach<S::Value>,
{
    Box::pin(crate::cache::peek::<S, R>(target))
}

/// Calls a cached function ahead of those who will need it.
pub fn warm<'a, I, C>(site: &'static Site, items: I, at_once: usize, call: C) -> Warming<'a, I::IntoIter, C>
where
    I: IntoIterator,
{
    Warming::new(site, items.into_iter(), at_once, call)
}

/// What is done by hand.
///
/// Its type has a name, and so does not depend on the arguments: the compiler says of a wrong one once, and
/// not again wherever its future goes; and it has no future to look into for each function.
pub type ByHand<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// An invalidation.
pub type Invalidating = ByHand<()>;

/// Removes what is stored under one key.
pub fn invalidate(target: Target) -> Invalidating {
    Box::pin(crate::cache::invalidate(target))
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
    L: FnOnce(&O::Value) -> Vec<Targets>,
{
    crate::cache::invalidating::<O, F, L>(invalidation, body, late).await
}

/// The same within a transaction, which `pending` is about: what changes stays guarded until its commit.
pub async fn invalidating_at_commit<O, F, L>(
    invalidation: Invalidation,
    pending: Pending,
    _outcome: O,
    body: Pin<&mut F>,
    late: L,
) -> O::Output
where
    O: Outcome,
    F: Future<Output = O::Output>,
    L: FnOnce(&O::Value) -> Vec<Targets>,
{
    crate::cache::invalidating_at_commit::<O, F, L>(invalidation, pending, body, late).await
}

/// The `Pending` of a mutation, for when its body has taken it.
pub fn share(pending: &Pending) -> Pending {
    pending.share()
}

/// Runs the body of a mutation, and stores its value where the cached function `S` would.
pub async fn putting<S, O, U, R, F>(
    armed: WriteThrough,
    _cached: S,
    _reach: R,
    _output: O,
    _outcome: U,
    body: Pin<&mut F>,
) -> O::Output
where
    S: Shape<Value: Local>,
    O: Shape<Value: 'static>,
    U: Outcome<Output = O::Output, Value: 'static>,
    R: Reach<S::Value>,
    F: Future<Output = O::Output>,
{
    crate::cache::putting::<S, O, U, R, F>(armed, body).await
}

/// Asks that what a mutation returns is what the cached function `S` caches.
pub fn fits<S, O>(_cached: &S, _output: &O)
where
    S: Shape,
    O: Shape<Value: ValueOf<S::Output>>,
{
}

/// A guard on its way.
pub type Guarding<O> = ByHand<Guard<O>>;

/// Guards a key of a cached function by hand.
pub fn guard<S, R>(target: Target, site: &'static Site, _shape: S, _reach: R) -> Guarding<S::Output>
where
    S: Shape<Value: Local>,
    R: Reach<S::Value>,
{
    Box::pin(Guard::begin::<S::Value, R>(target, site))
}

/// All that an attribute says of a call's value, with closures that know what they look at.
pub fn clauses<S, T, U>(
    _shape: &S,
    when: bool,
    ttl: T,
    unless: U,
    negative_ttl: Duration,
) -> Of<S::Found, Clauses<T, U>>
where
    S: Shape,
    T: Fn(&S::Found) -> Duration,
    U: Fn(&S::Found) -> bool,
{
    Of { terms: Clauses { when, ttl, unless, negative_ttl }, found: PhantomData }
}

/// Terms for values of the type `V`, where the engine has them as a type that it does not know by name.
///
/// So the type of the value is asked for what it must be in one place alone, and a type that is not
/// that is reported once.
pub struct Of<V, P> {
    terms: P,
    found: PhantomData<fn(&V)>,
}

impl<V: 'static, W: 'static, P: Terms<V>> Terms<W> for Of<V, P> {
    fn applies(&self) -> bool {
        self.terms.applies()
    }

    fn ttl(&self, found: Option<&W>) -> Duration {
        self.terms.ttl(found.map(same))
    }

    fn before(&self) -> Before<'_> {
        self.terms.before()
    }

    fn tags_of(&self, found: Option<&W>) -> Vec<Tag> {
        self.terms.tags_of(found.map(same))
    }
}

fn same<V: 'static, W: 'static>(value: &W) -> &V {
    (value as &dyn Any).downcast_ref().expect("both are what the function returns")
}

impl<V, P: fmt::Debug> fmt::Debug for Of<V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.terms.fmt(f)
    }
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

/// Writes the companion of a free function.
///
/// An attribute does not see what is around a function. On an associated one without `self` or `Self` it
/// takes it for a free one, and the compiler says that a type cannot stand in an `impl`, and that it
/// comes from here: the name says what to do.
#[doc(hidden)]
#[macro_export]
macro_rules! __in_an_impl_add_cache_methods_to_it {
    ($docs:literal $vis:vis $companion:ident) => {
        #[doc = $docs]
        #[doc(hidden)]
        #[allow(
            non_camel_case_types,
            dead_code,
            unreachable_pub,
            missing_debug_implementations,
            missing_copy_implementations
        )]
        $vis enum $companion {}
    };
}
pub use crate::__in_an_impl_add_cache_methods_to_it as in_an_impl_add_cache_methods_to_it;

/// Asks, where a parameter `P` is neither in the key nor skipped, that its type cannot matter.
pub fn is_handle<T: HandleFor<P> + ?Sized, P>(_: PhantomData<T>, _: PhantomData<P>) {}

/// Asks whether an argument says that the call is part of a transaction; no other type than a `Pending` does.
pub struct Asked<'a, T>(pub &'a T);

/// The two rungs of that question; imported both where it is asked.
pub mod asked {
    use super::{Asked, MaybePending};

    /// The first rung.
    pub trait ViaPending {
        /// Whether it does.
        fn is_pending(&self) -> bool;
    }
    impl<T: MaybePending> ViaPending for &Asked<'_, T> {
        fn is_pending(&self) -> bool {
            self.0.is_pending()
        }
    }

    /// The second rung: a type of another library, of the same name.
    pub trait ViaOther {
        /// Whether it does.
        fn is_pending(&self) -> bool {
            false
        }
    }
    impl<T> ViaOther for Asked<'_, T> {}
}

impl<T> fmt::Debug for Asked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
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
