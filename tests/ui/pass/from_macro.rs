//! What a `macro_rules!` writes, in each way to hand something on.
#![deny(warnings)]

use cachemacro::{cache_methods, cache_result, invalidates};

macro_rules! cached {
    ($name:ident, $param:ident: $ty:ty) => {
        #[cache_result(ttl = 5, skip(other))]
        async fn $name($param: $ty, other: u8) -> $ty {
            $param + <$ty>::from(other)
        }

        #[invalidates($name($param), key = "plain")]
        async fn clear($param: $ty) {}
    };
}

cached!(twice, id: u64);

macro_rules! in_parts {
    ($vis:vis $name:ident<$t:ident: $bound:path>($($param:ident: $ty:ty),*) -> $output:ty = $key:literal $body:block) => {
        #[cache_result(ttl = 5, key = $key)]
        $vis async fn $name<$t: $bound>($($param: $ty),*) -> $output $body
    };
}

in_parts!(pub(crate) parts<T: Send>(id: u64, other: u8) -> u64 = "parts:<T>:<id>:<other>" {
    id + u64::from(other) + size_of::<T>() as u64
});

macro_rules! around {
    ($ttl:expr, $key:literal, $with:ident: $ty:ty = $value:expr, $shares:path, $tier:expr, $when:expr, $item:item) => {
        #[cache_result(ttl = $ttl, key = $key, with($with: $ty = $value), shares = $shares, tier = $tier, when = $when)]
        $item
    };
}

around!("5m", "around:<double>", double: u64 = id * 2, crate::of_item, local, id > 0, async fn item(id: u64) -> u64 {
    id * 2
});

#[cache_result(ttl = 5, tier = local, key = "around:<id>")]
async fn of_item(id: u64) -> u64 {
    id
}

macro_rules! methods {
    ($ty:ty, $self:ident, $id:ident, $body:block, $output:ty) => {
        #[cache_methods(skip(self))]
        impl $ty {
            #[cache_result(ttl = 5)]
            async fn first(&$self, $id: u64) -> $output $body

            #[cache_result(ttl = 5)]
            async fn second(&$self, id: u64) -> $output {
                id
            }
        }

        impl $ty {
            #[cache_result(ttl = 5, skip(self))]
            async fn third(&$self, $id: u64) -> $output $body
        }
    };
}

struct Repo(u64);

methods!(Repo, self, id, { self.0 + id }, u64);

#[tokio::main]
async fn main() {
    assert_eq!(twice(1, 2).await, 3);
    clear(1).await;
    assert_eq!(parts::<u32>(1, 2).await, 7);
    assert_eq!(parts::key::<u32>(1, 2).as_str(), "parts:u32:1:2");
    assert_eq!((item(1).await, of_item(2).await), (2, 2));
    let repo = Repo(1);
    assert_eq!((repo.first(1).await, repo.second(1).await, repo.third(1).await), (2, 1, 2));
    assert!(Repo::first_key(1).as_str().ends_with("::Repo::first:1"));
    cachemacro::Cache::memory().install().unwrap();
}
