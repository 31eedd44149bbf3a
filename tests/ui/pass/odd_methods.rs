//! Odd methods and bodies: each compiles without a warning, and runs.
#![deny(warnings)]

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use cachemacro::{cache_methods, cache_result};

trait Load: Send + Sync {
    fn number(&self) -> u64;

    #[cache_result(ttl = 5, key = "sized:<Self>:<id>", skip(self))]
    async fn sized(&self, id: u64) -> u64
    where
        Self: Sized,
    {
        self.number() + id
    }
}

#[cache_methods(skip(self))]
impl dyn Load {
    #[cache_result(ttl = 5)]
    async fn on_dyn(&self, id: u64) -> u64 {
        self.number() + id
    }
}

struct Repo {
    number: u64,
}

impl Load for Repo {
    fn number(&self) -> u64 {
        self.number
    }
}

type Alias = Repo;

#[cache_methods(skip(self))]
impl Alias {
    #[cache_result(ttl = 5)]
    async fn boxed(self: Box<Self>, id: u64) -> u64 {
        self.number + id
    }

    #[cache_result(ttl = 5)]
    async fn counted(self: Rc<Self>, id: u64) -> u64 {
        self.number + id
    }

    #[cache_result(ttl = 5)]
    async fn written_out(self: &Self, id: u64) -> u64 {
        self.number + id
    }

    #[cache_result(ttl = 5)]
    async fn any_error(&self, text: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let number: u8 = text.parse()?;
        Ok(vec![number])
    }

    #[cache_result(ttl = 5)]
    async fn labelled(&self, id: Option<u64>) -> Option<u64> {
        let mut id = id?;
        'outer: loop {
            loop {
                match id {
                    0 => return None,
                    1 => break 'outer,
                    _ => id -= 1,
                }
            }
        }
        Some(id)
    }

    #[cache_result(ttl = 5, key = "by-future:<id>", skip(load, F, Fut))]
    async fn by_future<F, Fut>(&self, load: F, id: u64) -> Result<u64, std::io::Error>
    where
        F: FnOnce(u64) -> Fut + Send,
        Fut: Future<Output = u64> + Send,
    {
        Ok(load(id).await)
    }
}

#[cache_result(ttl = 5, key = r#"raw:"<id>""#)]
async fn id(id: char) -> u32 {
    id as u32
}

#[cache_result(ttl = 5)]
async fn chars<const C: char, const B: bool>(ids: [u8; 3]) -> u32 {
    C as u32 + u32::from(B) + u32::from(ids[0])
}

#[cache_result(ttl = 24 * 60 * 60, with(one: u64 = 1,), skip(by,),)]
async fn trailing(by: u64) -> u64 {
    by
}

#[cache_result(ttl = 5)]
fn recursive(number: u64) -> impl Future<Output = u64> + Send {
    async move {
        if number == 0 {
            return 0;
        }
        let next: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(recursive(number - 1));
        next.await + 1
    }
}

#[cache_result(ttl = 5, skip(out))]
async fn mutates(out: &mut Vec<u8>, id: u64) -> u64 {
    macro_rules! push {
        ($value:expr) => {
            out.push($value)
        };
    }
    push!(1);
    id
}

#[tokio::main]
async fn main() {
    let repo = || Repo { number: 1 };
    let on_dyn: &dyn Load = &repo();
    for _ in 0..2 {
        assert_eq!((repo().sized(1).await, on_dyn.on_dyn(1).await), (2, 2));
        assert_eq!((Box::new(repo()).boxed(1).await, Rc::new(repo()).counted(1).await), (2, 2));
        assert_eq!((repo().written_out(1).await, repo().labelled(Some(7)).await), (2, Some(1)));
        assert_eq!(repo().any_error("7").await.unwrap(), [7]);
        assert!(repo().any_error("x").await.is_err());
        assert_eq!(repo().by_future(|id| async move { id }, 5).await.unwrap(), 5);
        assert_eq!((id('a').await, chars::<'a', true>([1; 3]).await), (97, 99));
        assert_eq!((trailing(1).await, recursive(3).await), (1, 3));
        assert_eq!(mutates(&mut Vec::new(), 1).await, 1);
    }
    cachemacro::Cache::memory().install().unwrap();
}
