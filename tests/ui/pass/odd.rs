//! Odd functions, as a reviewer would try them: each compiles without a warning, and runs.
#![deny(warnings)]
#![allow(dead_code)]

use cachemacro::{KeyPart, cache_methods, cache_result, invalidates};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cache_result(ttl = 5)]
async fn r#fn(r#in: u64) -> u64 {
    r#in
}

#[cache_result(ttl = 5)]
async fn r#match<'r#in>(r#in: &'r#in str) -> String {
    r#in.to_owned()
}

#[invalidates(r#fn(r#in), r#match("a"))]
async fn r#mod(r#in: u64) {}

#[cache_result(ttl = 5, key = "const-exprs:<N>:<M>:<list>")]
async fn const_exprs<const N: usize, const M: bool>(list: [[u8; 2 * 2]; N]) -> [u8; 1 + 1] {
    [list.len() as u8, M as u8]
}

#[cache_result(ttl = 5, key = "hrtb:<id>", skip(f, F))]
async fn hrtb<F>(f: F, id: u64) -> u64
where
    F: for<'a> Fn(&'a u64) -> &'a u64 + Send,
    for<'b> &'b F: Send,
{
    *f(&id)
}

struct Repo {
    n: u64,
}
impl Repo {
    #[cache_result(ttl = 5, key = "impl-arg:<id>", skip(self, f))]
    async fn impl_arg(&self, f: impl FnOnce(u64) -> u64 + Send, id: u64) -> u64 {
        f(id) + self.n
    }
    #[cache_result(ttl = 5, key = "pin-mut:<id>", skip(self))]
    async fn pin_mut(self: Pin<&mut Self>, id: u64) -> u64 {
        self.n + id
    }
    #[cfg(test)]
    #[cache_result(ttl = 5, key = "cfgd:<id>", skip(self))]
    async fn cfgd(&self, id: u64) -> u64 {
        missing(id)
    }
    #[cache_result(ttl = 5, key = "boxed-once:<id>", skip(self, f))]
    async fn boxed_once(&self, f: Box<dyn FnOnce(u64) -> u64 + Send + '_>, id: u64) -> u64 {
        f(id) + self.n
    }
    #[cache_result(ttl = 5, key = "mut-self:<self.n>:<id>")]
    async fn mut_self(mut self, id: u64) -> u64 {
        self.n += id;
        self.n
    }
}
#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = 5, key = "m-impl-arg:<id>", skip(f))]
    async fn m_impl_arg(&self, f: impl FnOnce(u64) -> u64 + Send, id: u64) -> u64 {
        f(id) + self.n
    }
    #[cache_result(ttl = 5, key = "m-pin-mut:<id>")]
    async fn m_pin_mut(self: Pin<&mut Self>, id: u64) -> u64 {
        self.n + id
    }
    #[cfg(test)]
    #[cache_result(ttl = 5, key = "m-cfgd:<id>")]
    async fn m_cfgd(&self, id: u64) -> u64 {
        missing(id)
    }
    #[cache_result(ttl = 5, key = "m-boxed-once:<id>", skip(f))]
    async fn m_boxed_once(&self, f: Box<dyn FnOnce(u64) -> u64 + Send + '_>, id: u64) -> u64 {
        f(id) + self.n
    }
    #[cache_result(ttl = 5, key = "m-mut-self:<self.n>:<id>")]
    async fn m_mut_self(mut self, id: u64) -> u64 {
        self.n += id;
        self.n
    }
    #[cache_result(ttl = 5)]
    pub(crate) async fn r#loop(&self, r#type: u64) -> u64 {
        r#type + self.n
    }
    #[cache_result(ttl = 5, key = "m-new:<id>")]
    async fn new(id: u64) -> u64 {
        id
    }
    #[invalidates(Repo::r#loop(r#type))]
    async fn r#while(&self, r#type: u64) {
        let _ = self;
    }
}

#[cfg(test)]
#[cache_result(ttl = 5)]
async fn cfgd(id: u64) -> u64 {
    missing(id)
}

#[cfg(not(test))]
#[cache_result(ttl = 5)]
async fn cfgd(id: u64) -> u64 {
    id
}

const _: () = {
    #[cache_result(ttl = 5)]
    async fn in_const(id: u64) -> u64 {
        id
    }
    #[invalidates(in_const(id))]
    async fn clear(id: u64) {}
};

#[cache_result(ttl = 5, key = "dyn:<id>", skip(f))]
async fn of_dyn(
    f: &(dyn for<'a> Fn(&'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> + Sync),
    id: &str,
) -> usize {
    f(id).await
}

#[cache_result(ttl = 5, key = "unsized:<text>:<T>")]
async fn unsized_<T: ?Sized + KeyPart + AsRef<str> + Sync>(text: &T) -> usize {
    text.as_ref().len()
}

mod a {
    pub mod b {
        #[cachemacro::cache_result(ttl = 5)]
        pub(in crate::a) async fn scoped(id: u64) -> u64 {
            id
        }
        #[cachemacro::cache_result(ttl = 5)]
        pub(super) async fn sup(id: u64) -> u64 {
            id
        }
    }
    pub async fn call() -> u64 {
        b::scoped(1).await + b::sup(1).await
    }
}

#[cache_result(ttl = 5, key = "use:<id>", skip(s))]
fn capturing<'a>(s: &'a str, id: u64) -> impl Future<Output = usize> + Send + use<'a> {
    async move { s.len() + id as usize }
}

trait Gat {
    type Row<'a>: Send
    where
        Self: 'a;
    fn row(&self, id: u64) -> impl Future<Output = usize> + Send;
}
impl Gat for Repo {
    type Row<'a>
        = &'a str
    where
        Self: 'a;
    #[cache_result(ttl = 5, key = "gat:<id>", skip(self))]
    async fn row(&self, id: u64) -> usize {
        let row: Self::Row<'_> = "x";
        row.len() + id as usize
    }
}
struct Other;
#[cache_methods(skip(self))]
impl Gat for Other {
    type Row<'a>
        = &'a str
    where
        Self: 'a;
    #[cache_result(ttl = 5)]
    async fn row(&self, id: u64) -> usize {
        let row: Self::Row<'_> = "x";
        row.len() + id as usize
    }
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Page<T = u8, const N: usize = 4>(Vec<T>);

#[cache_result(ttl = 5, key = "defaults:<page>")]
async fn defaults(page: u64) -> Page {
    Page(vec![page as u8])
}

#[cache_result(ttl = 5, skip(f))]
async fn once(f: Box<dyn FnOnce() -> u64 + Send>, id: u64) -> u64 {
    f() + id
}

#[cache_result(ttl = 5, skip(f))]
async fn fn_ptr(f: fn(&str) -> &str, id: u64) -> u64 {
    f("a").len() as u64 + id
}

#[cache_result(ttl = 5, tier = local)]
fn konst(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, tier = local)]
extern "C" fn ext(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, tier = local)]
unsafe fn uns(id: u64) -> u64 {
    id
}

#[cache_result(ttl = 5, tier = local, skip(a))]
fn with_arc(a: Arc<dyn Fn() -> u64>) -> Result<Arc<str>, Box<dyn std::error::Error>> {
    Ok(a().to_string().into())
}

#[tokio::main]
async fn main() {
    r#mod(r#fn(1).await).await;
    r#match("a").await;
    assert_eq!(const_exprs::<1, true>([[1; 4]]).await, [1, 1]);
    let _ = const_exprs::key::<1, true>([[1_u8; 4]]);
    hrtb(|x| x, 1).await;
    let mut r = Repo { n: 1 };
    r.impl_arg(|x| x, 1).await;
    Pin::new(&mut r).pin_mut(1).await;
    Pin::new(&mut r).m_pin_mut(1).await;
    r.boxed_once(Box::new(|x| x), 1).await;
    r.m_boxed_once(Box::new(|x| x), 1).await;
    r.m_impl_arg(|x| x, 1).await;
    Repo::new(1).await;
    r.r#while(r.r#loop(1).await).await;
    r.mut_self(1).await;
    Repo { n: 1 }.m_mut_self(1).await;
    cfgd(1).await;
    of_dyn(&|x| Box::pin(async move { x.len() }), "a").await;
    unsized_::<str>("a").await;
    a::call().await;
    capturing("a", 1).await;
    Other.row(1).await;
    defaults(1).await;
    once(Box::new(|| 1), 1).await;
    fn_ptr(|x| x, 1).await;
    let spawned = tokio::spawn(async {
        #[cache_result(ttl = 5)]
        async fn in_block(id: u64) -> u64 {
            id
        }
        in_block(1).await
    });
    spawned.await.unwrap();
    let by_abi: extern "C" fn(u64) -> u64 = ext;
    assert_eq!((by_abi(1), ext::refresh(2)), (1, 2));
    konst(1);
    unsafe { uns(1) };
    with_arc(Arc::new(|| 5)).unwrap();
    cachemacro::Cache::memory().install().unwrap();
}
