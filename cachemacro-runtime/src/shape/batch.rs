//! What a batch takes and returns, asked of the types themselves, so that aliases work.
//!
//! | takes | returns, alone or in a `Result` |
//! |---|---|
//! | `&[K]`, `Vec<K>`, `&Vec<K>` | `HashMap<K, V>`, `BTreeMap<K, V>` |
//! | `HashSet<K>`, `BTreeSet<K>`, and references to them | `Vec<(K, V)>` |
//! | | `Vec<Option<V>>`: one for each id, in their order |

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, PoisonError};

/// The ids that a batch is called for.
#[diagnostic::on_unimplemented(
    message = "a batch does not take its ids as `{Self}`",
    label = "not a list or a set of ids",
    note = "it takes `&[K]`, `Vec<K>`, `HashSet<K>` or `BTreeSet<K>`, or a reference to one; `K` is `Clone + Eq + Hash`"
)]
pub trait Ids {
    /// One of them.
    type Id: Clone + Eq + Hash;

    /// All of them, in their order.
    fn list(&self) -> Vec<Self::Id>;
}

impl<T: Ids + ?Sized> Ids for &T {
    type Id = T::Id;

    fn list(&self) -> Vec<T::Id> {
        (**self).list()
    }
}

/// How a body is given ids: as what the function takes.
pub trait Lent<'a>: Ids {
    /// What they are kept in meanwhile.
    type Kept;

    /// The ids, kept in `kept` if the function borrows them.
    fn lend(ids: Vec<Self::Id>, kept: &'a mut Option<Self::Kept>) -> Self;
}

macro_rules! ids {
    ($($name:ty: [$($generics:tt)*] where [$($bounds:tt)+];)+) => {$(
        impl<K: Clone + Eq + Hash + $($bounds)+, $($generics)*> Ids for $name {
            type Id = K;

            fn list(&self) -> Vec<K> {
                self.iter().cloned().collect()
            }
        }

        impl<'a, K: Clone + Eq + Hash + $($bounds)+, $($generics)*> Lent<'a> for $name {
            type Kept = Infallible;

            fn lend(ids: Vec<K>, _kept: &'a mut Option<Infallible>) -> Self {
                ids.into_iter().collect()
            }
        }

        impl<'a, K: Clone + Eq + Hash + $($bounds)+, $($generics)*> Lent<'a> for &'a $name {
            type Kept = $name;

            fn lend(ids: Vec<K>, kept: &'a mut Option<$name>) -> Self {
                kept.insert(ids.into_iter().collect())
            }
        }
    )+};
}

ids! {
    Vec<K>: [] where [Sized];
    HashSet<K, S>: [S: BuildHasher + Default] where [Sized];
    BTreeSet<K>: [] where [Ord];
}

impl<K: Clone + Eq + Hash> Ids for [K] {
    type Id = K;

    fn list(&self) -> Vec<K> {
        self.to_vec()
    }
}

impl<'a, K: Clone + Eq + Hash> Lent<'a> for &'a [K] {
    type Kept = Vec<K>;

    fn lend(ids: Vec<K>, kept: &'a mut Option<Vec<K>>) -> Self {
        kept.insert(ids)
    }
}

/// What a batch returns of its ids, which are of the type `K`.
#[diagnostic::on_unimplemented(
    message = "a batch of `{K}` does not return `{Self}`",
    label = "which value is of which id?",
    note = "it returns a `HashMap<{K}, V>`, a `BTreeMap<{K}, V>`, a `Vec<({K}, V)>` or, in the order of the ids, a `Vec<Option<V>>`; alone or in a `Result`"
)]
pub trait Answers<K>: Sized {
    /// What is cached of each id.
    type Value;

    /// What there is of these ids: for each of them, in their order.
    ///
    /// # Panics
    ///
    /// If a `Vec<Option<V>>` has not as many: nobody knows then which is whose.
    fn of(self, ids: &[K]) -> Vec<Option<Self::Value>>;

    /// The same from what was found. `places` says for each id that was asked for, twice perhaps, which of `ids`
    /// it is.
    fn from_found(ids: Vec<K>, found: Vec<Option<Self::Value>>, places: &[usize]) -> Self
    where
        Self::Value: Clone;
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> Answers<K> for HashMap<K, V, S> {
    type Value = V;

    fn of(mut self, ids: &[K]) -> Vec<Option<V>> {
        ids.iter().map(|id| self.remove(id)).collect()
    }

    fn from_found(ids: Vec<K>, found: Vec<Option<V>>, _places: &[usize]) -> Self {
        pairs(ids, found).collect()
    }
}

impl<K: Ord, V> Answers<K> for BTreeMap<K, V> {
    type Value = V;

    fn of(mut self, ids: &[K]) -> Vec<Option<V>> {
        ids.iter().map(|id| self.remove(id)).collect()
    }

    fn from_found(ids: Vec<K>, found: Vec<Option<V>>, _places: &[usize]) -> Self {
        pairs(ids, found).collect()
    }
}

impl<K: Eq + Hash, V> Answers<K> for Vec<(K, V)> {
    type Value = V;

    fn of(self, ids: &[K]) -> Vec<Option<V>> {
        self.into_iter().collect::<HashMap<_, _>>().of(ids)
    }

    fn from_found(ids: Vec<K>, found: Vec<Option<V>>, _places: &[usize]) -> Self {
        pairs(ids, found).collect()
    }
}

impl<K, V> Answers<K> for Vec<Option<V>> {
    type Value = V;

    fn of(self, ids: &[K]) -> Vec<Option<V>> {
        let (values, ids) = (self.len(), ids.len());
        assert!(
            values == ids,
            "the body of a batch returned {values} values for {ids} ids; return one for each, in their order"
        );
        self
    }

    fn from_found(_ids: Vec<K>, found: Vec<Option<V>>, places: &[usize]) -> Self
    where
        V: Clone,
    {
        // Nothing was asked for twice, nearly always.
        if places.len() == found.len() {
            return found;
        }
        places.iter().map(|place| found[*place].clone()).collect()
    }
}

fn pairs<K, V>(ids: Vec<K>, found: Vec<Option<V>>) -> impl Iterator<Item = (K, V)> {
    ids.into_iter().zip(found).filter_map(|(id, value)| Some((id, value?)))
}

/// All that a batch returns: [`Answers`], alone or in a `Result`.
#[diagnostic::on_unimplemented(
    message = "a batch of `{K}` does not return `{Self}`",
    label = "which value is of which id?",
    note = "it returns a `HashMap<{K}, V>`, a `BTreeMap<{K}, V>`, a `Vec<({K}, V)>` or, in the order of the ids, a `Vec<Option<V>>`; alone or in a `Result`"
)]
pub trait BatchOutput<K>: Sized {
    /// What is cached of each id.
    type Value;
    /// What comes in the place of all.
    type Error;
    /// What comes for each.
    type Answers: Answers<K, Value = Self::Value>;
    /// What a call for one id alone returns.
    type One;

    /// What came.
    fn split(self) -> Result<Self::Answers, Self::Error>;

    /// The same from what came.
    fn join(came: Result<Self::Answers, Self::Error>) -> Self;

    /// What came for one id alone.
    fn one(came: Result<Option<Self::Value>, Self::Error>) -> Self::One;
}

impl<K, A: Answers<K>, E> BatchOutput<K> for Result<A, E> {
    type Value = A::Value;
    type Error = E;
    type Answers = A;
    type One = Result<Option<A::Value>, E>;

    fn split(self) -> Result<A, E> {
        self
    }

    fn join(came: Result<A, E>) -> Self {
        came
    }

    fn one(came: Result<Option<A::Value>, E>) -> Self::One {
        came
    }
}

macro_rules! infallible {
    ($($name:ty: [$($generics:tt)*];)+) => {$(
        impl<K, V, $($generics)*> BatchOutput<K> for $name
        where
            Self: Answers<K, Value = V>,
        {
            type Value = V;
            type Error = Infallible;
            type Answers = Self;
            type One = Option<V>;

            fn split(self) -> Result<Self, Infallible> {
                Ok(self)
            }

            fn join(came: Result<Self, Infallible>) -> Self {
                let Ok(answers) = came;
                answers
            }

            fn one(came: Result<Option<V>, Infallible>) -> Option<V> {
                let Ok(value) = came;
                value
            }
        }
    )+};
}

infallible! {
    HashMap<K, V, S>: [S];
    BTreeMap<K, V>: [];
    Vec<(K, V)>: [];
    Vec<Option<V>>: [];
}

/// What a batch has for one id, where it returns an `O`: as a function of one id would return it.
pub type Each<K, O> = Result<Option<<O as BatchOutput<K>>::Value>, Failed<<O as BatchOutput<K>>::Error>>;

/// The error of a body, which is that of all its ids.
pub struct Failed<E>(Arc<Mutex<Option<E>>>);

impl<E> Failed<E> {
    pub(crate) fn new(error: E) -> Self {
        Self(Arc::new(Mutex::new(Some(error))))
    }

    /// The same error, for another id.
    pub(crate) fn again(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// The error, for the first who asks.
    pub(crate) fn take(&self) -> Option<E> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An error of its own, for another caller; there is none of an error that is not `Clone`.
impl<E: Clone> Clone for Failed<E> {
    fn clone(&self) -> Self {
        let error = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self(Arc::new(Mutex::new(error)))
    }
}

impl<E> fmt::Debug for Failed<E> {
    /// Errors may hold values, and are not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent<'a, T: Lent<'a>>(ids: Vec<T::Id>, kept: &'a mut Option<T::Kept>) -> T {
        T::lend(ids, kept)
    }

    #[test]
    fn ids_come_as_lists_and_sets_and_go_to_the_body_as_the_same() {
        let (mut slice, mut list, mut set) = (None, None, None);
        let ids: &[u8] = lent(vec![2, 1], &mut slice);
        assert_eq!(ids.list(), [2, 1]);
        let ids: &Vec<u8> = lent(vec![2, 1], &mut list);
        assert_eq!(ids.list(), [2, 1]);
        let ids: BTreeSet<u8> = lent(vec![2, 1], &mut None);
        assert_eq!(ids.list(), [1, 2]);
        let ids: &HashSet<u8> = lent(vec![2], &mut set);
        assert_eq!(ids.list(), [2]);
    }

    #[test]
    fn what_is_returned_is_taken_apart_by_id_and_what_was_not_asked_for_is_left() {
        let came = HashMap::from([(1, 'a'), (3, 'c'), (9, 'z')]);
        assert_eq!(came.of(&[3, 2, 1]), [Some('c'), None, Some('a')]);
        assert_eq!(vec![(3, 'c')].of(&[3, 2]), [Some('c'), None]);
        assert_eq!(Answers::<u8>::of(vec![Some('c'), None], &[3, 2]), [Some('c'), None]);
    }

    #[test]
    fn what_was_found_is_put_together_in_the_order_in_which_it_was_asked_for() {
        let (ids, found, places) = (vec![3, 2, 1], vec![Some('c'), None, Some('a')], [0, 1, 0, 2]);
        let pairs = Vec::<(u8, char)>::from_found(ids.clone(), found.clone(), &places);
        assert_eq!(pairs, [(3, 'c'), (1, 'a')]);
        let each = <Vec<Option<char>> as Answers<u8>>::from_found(ids.clone(), found.clone(), &places);
        assert_eq!(each, [Some('c'), None, Some('c'), Some('a')]);
        assert_eq!(BTreeMap::from_found(ids, found, &places), BTreeMap::from([(1, 'a'), (3, 'c')]));
    }

    #[test]
    #[should_panic(expected = "returned 1 values for 2 ids")]
    fn a_list_that_is_too_short_is_nobodys() {
        let _ = Answers::<u8>::of(vec![Some('c')], &[3, 2]);
    }

    #[test]
    fn an_error_is_taken_once_by_each_caller() {
        let failed = Failed::new("gone");
        let (other, caller) = (failed.again(), failed.clone());
        assert_eq!((failed.take(), other.take(), caller.take()), (Some("gone"), None, Some("gone")));
    }
}
