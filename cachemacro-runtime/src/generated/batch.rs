//! What generated code calls for batches.

use std::hash::Hash;
use std::time::Duration;

use super::{KeyBuf, Local, Reach, Shape, Sharing, Terms};
use crate::policy::TagsByIds;
use crate::tag::Tag;

pub use crate::cache::BatchCall;
pub use crate::policy::TagsOfIds;
pub use crate::shape::batch::{BatchOutput, Each, Ids, Lent};

/// Answers a call for many ids from the cache, and with the body for the rest.
///
/// # Cancel safety
///
/// Safe: if it is dropped, each of its ids goes to one of those who wait for it.
pub async fn read<S, R, P, T, K, O, B, F>(
    call: BatchCall<P, T>,
    _shape: S,
    _reach: R,
    ids: Vec<K>,
    key: impl Fn(&K, &mut KeyBuf),
    body: B,
) -> O
where
    S: Sharing<Output = Each<K, O>, Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    T: TagsOfIds<K, S::Found>,
    K: Clone + Eq + Hash,
    O: BatchOutput<K, Value: Clone>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    crate::cache::batch::<S, R, P, T, K, O, B, F>(call, ids, key, body).await
}

/// Answers a call for one of the ids of a batch; if its body is needed, those who come within `window` share it.
///
/// # Cancel safety
///
/// Safe: if it is dropped while it loads, one of those who wait for the same body does.
pub async fn one<S, R, P, T, K, O, B, F>(
    call: BatchCall<P, T>,
    _shape: S,
    _reach: R,
    one: (K, KeyBuf),
    window: Duration,
    body: B,
) -> O::One
where
    S: Sharing<Output = Each<K, O>, Value: Local>,
    R: Reach<S::Value>,
    P: Terms<S::Found>,
    T: TagsOfIds<K, S::Found>,
    K: Clone + Eq + Hash + Send + 'static,
    O: BatchOutput<K, Value: Send + 'static>,
    B: Fn(Vec<K>) -> F,
    F: Future<Output = O>,
{
    crate::cache::one::<S, R, P, T, K, O, B, F>(call, one, window, body).await
}

/// The tags of each id: those of the id itself, and those that its value names, each of which begins with one of the
/// texts.
pub fn tags<S, K, F, G>(_shape: &S, of_id: F, texts: &[&str], of_value: G) -> TagsByIds<S::Found, F, G>
where
    S: Shape,
    F: Fn(&K) -> Vec<Tag>,
    G: Fn(&K, &S::Found) -> Vec<Tag>,
{
    TagsByIds::new(of_id, texts, of_value)
}

/// Ids, as the body takes them.
pub fn lend<'a, T: Lent<'a>>(ids: Vec<T::Id>, kept: &'a mut Option<T::Kept>) -> T {
    T::lend(ids, kept)
}

/// What a body is given beside its ids, each time that it runs.
#[diagnostic::on_unimplemented(
    message = "a batch cannot give its body a `{Self}` more than once",
    label = "not `Clone`",
    note = "the body may run again for ids that another caller has given up; take a reference to it"
)]
pub trait Again: Sized {
    /// The same again.
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    fn again(&self) -> Self {
        self.clone()
    }
}
