//! Shapes that the test binary cannot have, and others, with no warning.
#![deny(warnings, clippy::all)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cachemacro::{cache_methods, cache_result, invalidates};

struct Repo(u64);

impl Repo {
    #[cache_result(ttl = 5, key = "unsafe-method:<id>", skip(self))]
    async unsafe fn risky(&self, id: u64) -> u64 {
        self.0 + id
    }

    #[cache_result(ttl = 5, key = "recursive:<id>", skip(self))]
    async fn recursive(&self, id: u64) -> u64 {
        if id == 0 { 0 } else { Box::pin(self.recursive(id - 1)).await }
    }

    #[cache_result(ttl = std::time::Duration::from_secs(self.0), key = "ttl:<id>", skip(self))]
    async fn computed(&self, id: u64) -> u64 {
        id
    }
}

#[cache_result(ttl = 5)]
async unsafe fn risky(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, skip(f))]
async fn of_a_trait_object(f: &(dyn Fn(u64) -> u64 + Sync), id: u64) -> u64 {
    f(id)
}

struct Words<'a>(&'a str);

#[cache_methods(skip(self))]
impl<'a> Words<'a> {
    #[cache_result(ttl = 5, key = "words:<self.0>:<id>")]
    async fn get(&self, id: &str) -> Result<String, std::io::Error> {
        Ok(format!("{}{id}", self.0))
    }

    #[cache_result(ttl = 5)]
    fn first<'b>(&'b self, ids: &'b [u64]) -> Pin<Box<dyn Future<Output = Option<u64>> + Send + 'b>> {
        Box::pin(async move { ids.first().copied() })
    }

    #[cache_result(ttl = 5)]
    async unsafe fn risky(self: &Arc<Self>, (a, mut b): (u8, u8)) -> u8 {
        b += 1;
        a + b
    }

    #[invalidates(Self::get(self.0, id))]
    async fn set(&self, id: &str) {}
}

#[tokio::main]
async fn main() {
    let (repo, words) = (Repo(1), Arc::new(Words("a")));
    assert_eq!(unsafe { repo.risky(1).await + risky(1).await + risky::refresh(1).await }, 4);
    assert_eq!(repo.recursive(2).await + repo.computed(1).await, 1);
    assert_eq!(of_a_trait_object(&|id| id, 5).await, 5);
    assert_eq!(words.get("b").await.unwrap(), "ab");
    words.set("b").await;
    assert!(Words::get_peek("a", "b").await.unwrap().is_none());
    assert_eq!(words.first(&[7]).await, Some(7));
    assert_eq!(unsafe { words.risky((1, 2)).await }, 4);
    assert_eq!(Words::risky_key((1, 2)).as_str().rsplit(':').next(), Some("2"));
}
