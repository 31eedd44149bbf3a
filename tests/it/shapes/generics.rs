//! Type, const and lifetime parameters.

use std::collections::HashMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use cachemacro::{Cache, KeyPart, cache_result, invalidates, registry};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{assert_key, is_send};

trait Row: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    type Id: KeyPart + Debug + Sync + Send;
    fn row(id: &Self::Id) -> Self;
}

impl Row for u64 {
    type Id = u64;
    fn row(id: &u64) -> Self {
        *id
    }
}

impl Row for String {
    type Id = u64;
    fn row(id: &u64) -> Self {
        format!("row {id}")
    }
}

#[cache_result(ttl = "1h", key = "row:<T>:<id>")]
async fn row<T: Row>(id: T::Id) -> Option<T>
where
    T::Id: Send,
{
    Some(T::row(&id))
}

#[cache_result(ttl = "1h")]
async fn first<T, const N: usize>(ids: [u64; N]) -> Result<Option<T>, String>
where
    T: Row<Id = u64>,
{
    Ok(ids.first().map(T::row))
}

#[cache_result(ttl = "1h", key = "read:<id>", skip(reader, R))]
async fn read<R: Fn(u64) -> u64 + Send>(reader: R, id: u64) -> u64 {
    reader(id)
}

#[cache_result(ttl = "1h", key = "borrowed:<T>:<text>:<N>")]
async fn borrowed<'a, 'b: 'a, T, const N: bool>(
    text: &'a str,
    _: PhantomData<fn(&'b T)>,
) -> HashMap<String, T>
where
    for<'c> &'c T: Debug,
    T: From<&'a str> + Send + Row + 'a,
{
    HashMap::from([(text.to_owned(), T::from(text))])
}

#[tokio::test]
async fn a_type_parameter_is_its_name_in_the_key() {
    assert_key(&row::key::<u64>(1), "row:u64:1");
    assert_key(&row::key::<String>(1), "row:alloc%3A%3Astring%3A%3AString:1");
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(row::<u64>(1)).await, Some(1));
                assert_eq!(row::<String>(1).await.as_deref(), Some("row 1"));
            }
            assert!(is_send(row::peek::<u64>(1)).await.unwrap().is_some());
            is_send(row::invalidate::<u64>(1)).await.unwrap();
            assert!(row::peek::<u64>(1).await.unwrap().is_none());
            assert!(row::peek::<String>(1).await.unwrap().is_some());
            assert_eq!(row::refresh::<u64>(5).await, Some(5));
            assert_eq!(row::uncached::<u64>(5).await, Some(5));
        })
        .await;
}

#[tokio::test]
async fn type_and_const_parameters_are_in_the_default_key() {
    let here = concat!(module_path!(), "::first");
    assert_key(&first::key::<u64, 2>([7, 8]), &format!("{here}:u64:2:[7,8]"));
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(first::<u64, 1>([7]).await, Ok(Some(7)));
                assert_eq!(first::<String, 1>([7]).await, Ok(Some("row 7".to_owned())));
            }
            // By its path: there are others of its name.
            let site = registry().iter().find(|site| site.path() == here).expect("it is registered");
            assert_eq!(site.stats().loads, 2);
            assert_eq!(first::<String, 0>([]).await, Ok(None));
        })
        .await;
}

#[tokio::test]
async fn a_parameter_that_is_skipped_is_not_one_of_the_companion() {
    assert_key(&read::key(3), "read:3");
    assert_eq!(is_send(read(|id| id + 1, 3)).await, 4);
    read::invalidate(3).await.unwrap();
}

#[tokio::test]
async fn bounds_may_borrow() {
    assert_key(&borrowed::key::<Word, true>("a"), &format!("borrowed:{}%3A%3AWord:a:true", escaped()));
    let words = borrowed::<Word, true>("a", PhantomData).await;
    assert_eq!(words["a"], Word("a".to_owned()));
}

fn escaped() -> String {
    module_path!().replace(':', "%3A")
}

#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
struct Word(String);

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Row for Word {
    type Id = String;
    fn row(id: &String) -> Self {
        Self(id.clone())
    }
}

#[invalidates(row::<T>(id), read(3))]
async fn drop_row<T: Row<Id = u64>>(id: u64) -> bool {
    true
}

#[tokio::test]
async fn a_mutation_names_the_types() {
    Cache::memory()
        .scope(async {
            row::<u64>(9).await;
            row::<String>(9).await;
            drop_row::<u64>(9).await;
            assert!(row::peek::<u64>(9).await.unwrap().is_none());
            assert!(row::peek::<String>(9).await.unwrap().is_some());
        })
        .await;
}
