//! What a refresh in the background owns: parameters of every kind, and `self`.

use std::path::Path;
use std::sync::Arc;

use cachemacro::{cache_methods, cache_result};

use super::{Broken, Db, seconds, timed};
use crate::support::eventually;

#[cache_result(
    ttl = 10,
    stale_while_revalidate = 20,
    jitter = "0%",
    key = "kinds:<name>:<ids>:<tags>",
    skip(path)
)]
async fn of_all_kinds(
    db: &Db,
    name: &str,
    ids: &[u64],
    path: &Path,
    mut tags: Vec<String>,
    shared: Arc<Db>,
) -> Result<String, Broken> {
    tags.push(path.display().to_string());
    let _ = shared.load().await?;
    Ok(format!("{name} {ids:?} {tags:?} {}", db.load().await?))
}

#[cache_result(ttl = 10, stale_while_revalidate = 20, jitter = "0%", key = "generic:<T>:<value>", unless = |text| text.is_empty())]
async fn generic<T>(db: &Db, value: T) -> Result<String, Broken>
where
    T: cachemacro::KeyPart + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    Ok(format!("{value:?} {}", db.load().await?))
}

#[derive(Clone)]
struct Repo {
    db: Db,
    tenant: String,
}

#[cache_methods]
impl Repo {
    #[cache_result(ttl = 10, stale_while_revalidate = 20, jitter = "0%", key = "find:<self.tenant>:<id>")]
    async fn find(&self, id: u64) -> Result<String, Broken> {
        Ok(format!("{} {id} {}", self.tenant, self.db.load().await?))
    }

    #[cache_result(ttl = 10, stale_while_revalidate = 20, jitter = "0%", key = "arc:<id>", skip(self))]
    fn shared(self: Arc<Self>, id: u64) -> impl Future<Output = Result<String, Broken>> + Send {
        let id = id.to_string();
        async move { Ok(format!("{id} {}", self.db.load().await?)) }
    }

    /// It runs in the call, and needs to own nothing.
    #[cache_result(ttl = 10, stale_if_error = 20, early = on, jitter = "0%", key = "lent:<id>", skip(self, lent))]
    async fn lending(&mut self, id: u64, lent: &mut Vec<u64>) -> Result<String, Broken> {
        lent.push(id);
        Ok(format!("{id} {}", self.db.load().await?))
    }
}

#[tokio::test]
async fn a_refresh_owns_what_the_body_takes() {
    let ((cache, clock), db) = (timed().await, Db::open());
    let (repo, shared) = (Repo { db: db.clone(), tenant: "t".to_owned() }, Arc::new(db.clone()));
    let arc = Arc::new(repo.clone());
    let call = async || {
        let (name, tags) = ("n".to_owned(), vec!["a".to_owned()]);
        let all = of_all_kinds(&db, &name, &[1, 2], Path::new("/p"), tags, Arc::clone(&shared)).await;
        let generic = generic(&db, "text".to_owned()).await;
        [all, generic, repo.find(7).await, Arc::clone(&arc).shared(8).await].map(Result::unwrap)
    };
    cache
        .scope(async {
            let first = call().await;
            assert_eq!(first, ["n [1, 2] [\"a\", \"/p\"] 1", "\"text\" 1", "t 7 1", "8 1"]);
            db.write(2);
            clock.advance(seconds(10));
            assert_eq!(call().await, first);
            eventually("all are refreshed", async || call().await.iter().all(|text| text.ends_with('2')))
                .await;
            assert_eq!(call().await, ["n [1, 2] [\"a\", \"/p\"] 2", "\"text\" 2", "t 7 2", "8 2"]);
            assert_eq!(db.loads(), 10, "two of the first, and one of each other, twice");
        })
        .await;
}

#[tokio::test]
async fn what_runs_in_the_call_may_borrow_anything() {
    let ((cache, clock), db) = (timed().await, Db::open());
    let (mut repo, mut lent) = (Repo { db: db.clone(), tenant: "t".to_owned() }, Vec::new());
    cache
        .scope(async {
            repo.lending(1, &mut lent).await.unwrap();
            db.fail(true);
            clock.advance(seconds(10));
            assert_eq!(repo.lending(1, &mut lent).await.unwrap(), "1 1");
        })
        .await;
    assert_eq!(lent, [1, 1]);
}
