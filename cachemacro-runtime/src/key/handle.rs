//! Types that never change a result, and so need not be in a key.

use std::rc::Rc;
use std::sync::Arc;

/// A type that never changes what a function returns: a pool, a client, the state of an application.
///
/// A parameter of such a type need not be named in `skip(…)` where the attribute has a `key`. Say it of
/// a type only if no value of it can make a function return anything else: what it holds is in no key.
///
/// ```
/// use cachemacro_runtime::key::Handle;
///
/// struct AppState {
///     // a pool, a client, …
/// }
///
/// impl Handle for AppState {}
/// ```
pub trait Handle {}

impl<T: Handle + ?Sized> Handle for &T {}
impl<T: Handle + ?Sized> Handle for &mut T {}
impl<T: Handle + ?Sized> Handle for Arc<T> {}
impl<T: Handle + ?Sized> Handle for Rc<T> {}
impl<T: Handle + ?Sized> Handle for Box<T> {}

#[cfg(feature = "bb8")]
impl<M: bb8::ManageConnection> Handle for bb8::Pool<M> {}
#[cfg(feature = "deadpool")]
impl<M: deadpool::managed::Manager, W: From<deadpool::managed::Object<M>>> Handle
    for deadpool::managed::Pool<M, W>
{
}
#[cfg(feature = "sqlx")]
impl<D: sqlx::Database> Handle for sqlx::Pool<D> {}

/// What the type of a parameter must be that is neither in the key nor skipped; `P` has its name.
#[diagnostic::on_unimplemented(
    message = "parameter `{P}` is not part of the key; add `<{P}>` to it, or `skip({P})` if it cannot change the result",
    label = "neither in the key nor skipped",
    note = "if no `{Self}` can ever change a result, say so once: `impl cachemacro::Handle for {Self} {{}}`"
)]
pub trait HandleFor<P> {}

#[diagnostic::do_not_recommend]
impl<T: Handle + ?Sized, P> HandleFor<P> for T {}
