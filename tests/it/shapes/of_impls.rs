//! `#[cache_methods]`: companions of methods.

use cachemacro::{Cache, cache_methods, cache_result, invalidates};

use super::{assert_key, is_send, site};
use crate::support::Source;

#[derive(Default)]
struct Users {
    source: Option<Source>,
    tenant: u32,
    cache: Cache,
}

#[cache_methods]
impl Users {
    const ONE: u64 = { 1 };

    fn of(tenant: u32) -> Self {
        Self { source: Some(Source::open()), tenant, cache: Cache::memory() }
    }

    /// Documented.
    #[cache_result(ttl = "1h", key = "users:<self.tenant>:<id>")]
    #[allow(clippy::needless_pass_by_value)]
    pub(crate) async fn find(&self, mut id: u64, _: String) -> Result<u64, std::num::ParseIntError> {
        id += "1".parse::<u64>()?;
        Ok(self.load().await + id - Self::ONE)
    }

    #[cache_result(ttl = "1h", skip(self))]
    async fn all(&self) -> Vec<u64> {
        vec![self.load().await]
    }

    #[cache_result(ttl = "1h")]
    async fn count(id: u64) -> u64 {
        id + Self::ONE
    }

    #[cache_result(ttl = "1h", key = "own-cache:<id>", cache = self.cache, skip(self))]
    async fn in_own_cache(&self, id: u64) -> u64 {
        self.load().await + id
    }

    #[cache_result(ttl = "1h", key = "generic-method:<T>", skip(self))]
    async fn sized<T: Send>(&self) -> usize {
        size_of::<T>()
    }

    #[cache_result(ttl = "1h", key = "no-companion:<id>", skip(self), companion = off)]
    async fn alone(&self, id: u64) -> u64 {
        id
    }

    async fn load(&self) -> u64 {
        match &self.source {
            Some(source) => source.load().await,
            None => 0,
        }
    }

    fn loads(&self) -> usize {
        self.source.as_ref().map_or(0, Source::loads)
    }

    #[invalidates(Self::find(self.tenant, id), Users::count(result))]
    async fn rename(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::test]
async fn a_method_has_its_companion_beside_it() {
    assert_key(&Users::find_key(7_u32, 1), "users:7:1");
    assert_key(&Users::all_key(), concat!(module_path!(), "::Users::all"));
    assert_key(&Users::count_key(1), concat!(module_path!(), "::Users::count:1"));
    assert_key(&Users::sized_key::<u8>(), "generic-method:u8");
    let users = Users::of(7);
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(is_send(users.find(1, String::new())).await, Ok(2));
                assert_eq!(is_send(users.all()).await, [1]);
                assert_eq!(is_send(Users::count(1)).await, 2);
                assert_eq!(users.sized::<u32>().await, 4);
                assert_eq!(users.sized::<u8>().await, 1);
                assert_eq!(users.alone(5).await, 5);
            }
            assert_eq!(users.loads(), 2);
            // Another test calls it too, in a cache of its own.
            assert!(site("count").stats().hits > 0);
            assert!(is_send(Users::find_peek(7_u32, 1)).await.unwrap().is_some());
            is_send(Users::find_invalidate(7_u32, 1)).await.unwrap();
            assert!(Users::find_peek(7_u32, 1).await.unwrap().is_none());
            users.find_uncached(1, String::new()).await.unwrap();
            assert!(Users::find_peek(7_u32, 1).await.unwrap().is_none());
            users.find_refresh(1, String::new()).await.unwrap();
            assert!(Users::find_peek(7_u32, 1).await.unwrap().is_some());
            assert_eq!(users.loads(), 4);
        })
        .await;
}

#[tokio::test]
async fn a_mutation_names_a_method_of_a_type() {
    let (users, other) = (Users::of(7), Users::of(8));
    Cache::memory()
        .scope(async {
            users.find(1, String::new()).await.unwrap();
            other.find(1, String::new()).await.unwrap();
            Users::count(1).await;
            users.rename(1).await;
            assert!(Users::find_peek(7_u32, 1).await.unwrap().is_none());
            assert!(Users::find_peek(8_u32, 1).await.unwrap().is_some());
            assert!(Users::count_peek(1).await.unwrap().is_none());
        })
        .await;
}

#[tokio::test]
async fn a_cache_of_self_is_the_first_argument() {
    let users = Users::of(1);
    users.in_own_cache(1).await;
    assert!(Users::in_own_cache_peek(&users.cache, 1).await.unwrap().is_some());
    assert!(Users::in_own_cache_peek(&Cache::memory(), 1).await.unwrap().is_none());
}

trait Find {
    type Item;
    async fn find_item(&self, id: u64) -> Option<Self::Item>;
}

struct Teams(u64);

#[cache_methods(skip(self))]
impl Find for Teams {
    type Item = u64;

    #[cache_result(ttl = "1h")]
    async fn find_item(&self, id: u64) -> Option<Self::Item> {
        Some(self.0 + id)
    }
}

#[tokio::test]
async fn a_method_of_a_trait_has_its_companion_at_the_type() {
    assert_key(&Teams::find_item_key(1), concat!(module_path!(), "::Teams.Find::find_item:1"));
    Cache::memory()
        .scope(async {
            assert_eq!(is_send(Teams(1).find_item(1)).await, Some(2));
            assert_eq!(Teams(5).find_item(1).await, Some(2), "self is skipped for all methods");
            assert_eq!(Teams::find_item_peek(1).await.unwrap().unwrap().value, Some(2));
            Teams::find_item_invalidate(1).await.unwrap();
            assert_eq!(Teams(5).find_item(1).await, Some(6));
        })
        .await;
}

struct Generic<T>(T);

#[cache_methods(skip(self))]
impl<T: Copy + Sync + Into<u64>> Generic<T>
where
    T: 'static,
{
    #[cache_result(ttl = "1h")]
    async fn number(&self) -> u64 {
        self.0.into()
    }

    #[cache_result(ttl = "1h", key = "generic-impl:<Self>")]
    async fn told(&self) -> u64 {
        self.0.into()
    }
}

#[tokio::test]
async fn an_impl_for_many_types_keeps_them_apart() {
    Cache::memory()
        .scope(async {
            assert_eq!((Generic(1_u8).number().await, Generic(2_u16).number().await), (1, 2));
            assert_eq!((Generic(1_u8).told().await, Generic(2_u16).told().await), (1, 2));
            assert!(Generic::<u8>::number_peek().await.unwrap().is_some());
            assert!(Generic::<u32>::number_peek().await.unwrap().is_none());
        })
        .await;
}
