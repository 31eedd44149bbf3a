//! What generated code calls for functions that say more of time than a `ttl`.

use std::borrow::Borrow;
use std::fmt;
use std::pin::Pin;

use super::{Call, Local, Reach, Sharing, Terms};
use crate::cache::Rest;
use crate::error::Error;
use crate::shape::Fails;

pub use crate::cache::Ticket;

/// Answers a call; whatever runs the body, the call waits for.
///
/// # Cancel safety
///
/// Safe: if it is dropped while the body runs, one of those who wait for it runs theirs.
pub async fn read<S, R, P, A, F>(
    call: Call<'_, P>,
    _shape: S,
    _reach: R,
    args: A,
    inline: impl FnOnce(A) -> F,
) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::read_fresh::<S, R, P, A, F>(call, args, inline, |_| None, nothing_more()).await
}

/// The same where the body can be run in the background. The key may then be loaded again and again, and the call may
/// give up after a while, with what it says then.
///
/// # Cancel safety
///
/// Safe: a load in the background goes on.
pub async fn read_owned<S, R, P, A, F>(
    call: Call<'_, P>,
    _shape: S,
    _reach: R,
    args: A,
    (inline, background): (impl FnOnce(A) -> F, impl Fn(&A) -> Start),
    again: impl FnOnce(&A) -> Option<Again>,
    late: Option<fn(Error) -> S::Output>,
) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    let background = |args: &A| Some(background(args).0);
    crate::cache::read_fresh::<S, R, P, A, F>(
        call,
        args,
        inline,
        background,
        Rest { late, again: |args: &A| again(args).map(|again| again.0) },
    )
    .await
}

/// Runs the body in the background, and stores what its ticket is for.
pub async fn refresh<S, R, P, F>(
    ticket: Ticket,
    call: Call<'_, P>,
    _shape: S,
    _reach: R,
    body: Pin<&mut F>,
) -> S::Output
where
    S: Sharing,
    S::Value: Local,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    F: Future<Output = S::Output>,
{
    crate::cache::refresh_by_ticket::<S, R, P, F>(ticket, call, body).await
}

/// What begins a load in the background.
pub struct Start(crate::cache::Start);

impl Start {
    /// It owns what it needs.
    pub fn new<F>(start: impl FnOnce(Ticket) -> F + Send + 'static) -> Self
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Self(Box::new(move |ticket| {
            let load = start(ticket);
            Box::pin(async move { Box::new(load.await) as Box<_> })
        }))
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Start")
    }
}

/// What begins a load in the background, again and again.
pub struct Again(crate::cache::Again);

impl Again {
    /// It owns what each needs.
    pub fn new(mut start: impl FnMut() -> Start + Send + 'static) -> Self {
        Self(Box::new(move || start().0))
    }
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

fn nothing_more<A, O>() -> Rest<fn(&A) -> Option<crate::cache::Again>, O> {
    Rest { again: |_| None, late: None }
}

/// Asks that the function can fail.
pub fn fails<S: Fails>(_shape: &S) {}

/// What a function returns that can give up on a load.
#[diagnostic::on_unimplemented(
    message = "`timeout(hard = …)` needs a way to fail, and `{Self}` has none",
    label = "not a `Result` whose error is made from a `cachemacro::Error`",
    note = "return a `Result<_, E>` where `E: From<cachemacro::Error>`, or write `timeout = …` alone, which is soft"
)]
pub trait GivesUp {
    /// The failure.
    fn late(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Error>> GivesUp for Result<T, E> {
    fn late(error: Error) -> Self {
        Err(error.into())
    }
}

/// What a refresh in the background can own: whatever is `Clone + Send + 'static`, and `str`, slices and
/// paths, which are owned as `String`, `Vec` and `PathBuf`.
#[diagnostic::on_unimplemented(
    message = "a refresh in the background cannot own a `{Self}`",
    label = "no `Clone + Send + 'static`",
    note = "`stale_while_revalidate`, `timeout` and `refresh_every` run the body when the call is over, and clone its parameters for it",
    note = "derive `Clone` for it, or pass an `Arc` of it"
)]
pub trait Ownable: ToOwned<Owned: Borrow<Self> + Send + 'static> + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + ToOwned<Owned: Send + 'static> + 'static> Ownable for T {}

/// A parameter that a refresh owns.
pub struct Kept<T: ?Sized + Ownable>(T::Owned);

impl<T: ?Sized + Ownable> Kept<T> {
    /// A copy of it.
    pub fn of(param: &T) -> Self {
        Self(param.to_owned())
    }

    /// Another copy.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.lend().to_owned())
    }

    /// It, for a body that borrows it.
    pub fn lend(&self) -> &T {
        self.0.borrow()
    }

    /// It, for a body that takes it.
    pub fn take(self) -> T::Owned {
        self.0
    }
}

impl<T: ?Sized + Ownable> fmt::Debug for Kept<T> {
    /// Arguments are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}
