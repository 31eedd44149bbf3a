//! Methods under a bare attribute: nothing stands beside them.

use std::marker::PhantomData;
use std::sync::Arc;

use cachemacro::{Cache, KeyArg, KeyBuf, KeyPart, cache_result};

use super::{is_send, site};
use crate::support::Source;

struct Repo {
    source: Source,
    tenant: String,
}

impl Repo {
    fn of(tenant: &str) -> Self {
        Self { source: Source::open(), tenant: tenant.to_owned() }
    }

    #[cache_result(ttl = "1h", key = "repo:<self.tenant>:<id>")]
    async fn find(&self, id: u64) -> Result<u64, ()> {
        Ok(self.source.load().await + id)
    }

    #[cache_result(ttl = "1h", skip(self))]
    async fn skipped(&self, mut id: u64) -> u64 {
        id += self.source.load().await;
        id
    }

    #[cache_result(ttl = "1h", key = "repo-mut:<self.tenant>")]
    async fn by_mut(&mut self) -> u64 {
        self.tenant.push('x');
        self.source.load().await
    }

    #[cache_result(ttl = "1h", key = "repo-value:<self.tenant>")]
    async fn by_value(mut self) -> u64 {
        self.tenant.clear();
        self.source.load().await
    }

    #[cache_result(ttl = "1h", key = "repo-arc:<self.tenant>")]
    async fn by_arc(self: Arc<Self>) -> u64 {
        self.source.load().await
    }

    #[cache_result(ttl = "1h", key = "repo-arc-ref:<self.tenant>")]
    async fn by_arc_ref(self: &Arc<Self>) -> u64 {
        Arc::clone(self).source.load().await
    }

    #[cache_result(ttl = "1h", key = "repo-early:<flag>", skip(self))]
    async fn early(&self, flag: bool) -> Result<u64, std::num::ParseIntError> {
        if flag {
            return Ok(self.source.load().await);
        }
        let number = "no number".parse::<u64>()?;
        Ok(number)
    }
}

#[tokio::test]
async fn every_receiver_is_one() {
    let mut repo = Repo::of("a");
    Cache::memory()
        .scope(async move {
            for _ in 0..2 {
                assert_eq!(is_send(repo.find(1)).await, Ok(2));
                assert_eq!(is_send(repo.skipped(1)).await, 2);
                assert_eq!(repo.early(true).await, Ok(1));
                assert!(repo.early(false).await.is_err());
            }
            assert_eq!(repo.source.loads(), 3);
            is_send(repo.by_mut()).await;
            assert_eq!((repo.tenant.as_str(), repo.source.loads()), ("ax", 4));
            repo.tenant.pop();
            repo.by_mut().await;
            assert_eq!(repo.source.loads(), 4, "the key was written before the body changed it");
            let repo = Arc::new(repo);
            for _ in 0..2 {
                is_send(Arc::clone(&repo).by_arc()).await;
                is_send(repo.by_arc_ref()).await;
            }
            assert_eq!(repo.source.loads(), 6);
            is_send(Repo::of("v").by_value()).await;
            let other = Repo::of("v");
            assert_eq!(other.by_value().await, 1);
        })
        .await;
    assert_eq!(site("by_value").stats().loads, 1);
}

#[tokio::test]
async fn a_field_of_self_in_the_key_keeps_tenants_apart() {
    let (a, b) = (Repo::of("a"), Repo::of("b"));
    b.source.write(10);
    Cache::memory()
        .scope(async {
            assert_eq!(a.find(1).await, Ok(2));
            assert_eq!(b.find(1).await, Ok(11));
        })
        .await;
}

struct Whole(u64);

impl KeyPart for Whole {
    type Form = Self;

    fn write(&self, key: &mut KeyBuf) {
        self.0.write(key);
    }
}

impl KeyArg<Whole> for Whole {}

impl Whole {
    #[cache_result(ttl = "1h", key = "whole:<self>")]
    async fn named(&self) -> u64 {
        self.0
    }

    #[cache_result(ttl = "1h")]
    async fn default_key(self: Arc<Self>) -> u64 {
        self.0
    }
}

#[tokio::test]
async fn a_self_that_is_a_key_part_can_be_in_the_key_whole() {
    Cache::memory()
        .scope(async {
            assert_eq!((Whole(1).named().await, Whole(2).named().await), (1, 2));
            let [one, two] = [Whole(1), Whole(2)].map(Arc::new);
            assert_eq!((one.default_key().await, two.default_key().await), (1, 2));
        })
        .await;
}

// Two types and two traits with a method of one name, in one module, without a `key`.
struct One;
struct Two;

trait First {
    async fn same(&self) -> String;
}

trait Second {
    async fn same(&self) -> String;
}

macro_rules! same {
    ($($trait:ident for $type:ident: $value:literal),+) => {$(
        impl $trait for $type {
            #[cache_result(ttl = "1h", skip(self))]
            async fn same(&self) -> String {
                $value.to_owned()
            }
        }
    )+};
}

same!(First for One: "first of one", First for Two: "first of two", Second for One: "second of one");

#[tokio::test]
async fn methods_of_one_name_are_apart_by_path() {
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!(First::same(&One).await, "first of one");
                assert_eq!(First::same(&Two).await, "first of two");
                assert_eq!(Second::same(&One).await, "second of one");
            }
        })
        .await;
    let stats: Vec<_> = cachemacro::registry().iter().filter(|site| site.name() == "same").collect();
    assert_eq!(stats.len(), 3);
    assert!(stats.iter().all(|site| site.stats().hits == 1), "none of them is refused");
}

trait Named: Sync {
    fn number(&self) -> u64;

    #[cache_result(ttl = "1h", skip(self))]
    async fn kept_by_path(&self, id: u64) -> u64 {
        self.number() + id
    }

    #[cache_result(ttl = "1h", key = "default-method:<id>", skip(self))]
    async fn untold(&self, id: u64) -> u64 {
        self.number() + id
    }

    #[cache_result(ttl = "1h", key = "told:<Self>:<id>", skip(self))]
    async fn named_self(&self, id: u64) -> u64 {
        self.number() + id
    }
}

impl Named for One {
    fn number(&self) -> u64 {
        10
    }
}

impl Named for Two {
    fn number(&self) -> u64 {
        20
    }
}

#[tokio::test]
async fn a_default_method_never_gives_one_type_the_value_of_another() {
    Cache::memory()
        .scope(async {
            for _ in 0..2 {
                assert_eq!((One.kept_by_path(1).await, Two.kept_by_path(1).await), (11, 21));
                assert_eq!((One.named_self(1).await, Two.named_self(1).await), (11, 21));
                assert_eq!((One.untold(1).await, Two.untold(1).await), (11, 21));
            }
        })
        .await;
    assert_eq!(site("kept_by_path").stats().loads, 2);
    assert_eq!(site("named_self").stats().loads, 2);
    assert_eq!(site("untold").stats().loads, 3, "only the first type that calls it is cached");
}

struct Typed<T>(PhantomData<T>);

trait Load<T> {
    async fn size(&self) -> usize;
}

impl<T: Sync + Send> Load<T> for Typed<u8> {
    #[cache_result(ttl = "1h", key = "trait-parameter", skip(self))]
    async fn size(&self) -> usize {
        size_of::<T>()
    }
}

impl<T: Sync + Send> Typed<T> {
    #[cache_result(ttl = "1h", key = "impl-parameter", skip(self, U))]
    async fn own_size<U>(&self, _: U) -> usize
    where
        U: Send,
    {
        size_of::<T>()
    }
}

#[tokio::test]
async fn neither_do_parameters_of_an_impl() {
    Cache::memory()
        .scope(async {
            let (typed, wide) = (Typed::<u8>(PhantomData), Typed::<u16>(PhantomData));
            for _ in 0..2 {
                assert_eq!((typed.own_size("a").await, wide.own_size(1).await), (1, 2));
                assert_eq!(typed.own_size(1).await, 1);
                assert_eq!(Load::<u16>::size(&typed).await, 2);
                assert_eq!(Load::<u32>::size(&typed).await, 4);
            }
        })
        .await;
    assert_eq!(site("size").stats().loads, 3);
    assert_eq!((site("own_size").stats().hits, site("own_size").stats().loads), (3, 3));
}
