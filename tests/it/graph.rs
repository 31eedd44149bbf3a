//! Who invalidates what, as the attributes register it.

use cachemacro::{cache_methods, cache_put, cache_result, graph, invalidates};

#[cache_result(ttl = "2h", key = "graph:user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[cache_result(ttl = "2h", key = "graph:tasks:<user>:<page>")]
async fn tasks(user: u64, page: u32) -> u64 {
    user + u64::from(page)
}

#[cache_result(ttl = "2h", key = "graph:row:<T>:<id>", skip(zero))]
async fn row<T: Into<u64> + Send>(zero: T, id: u64) -> u64 {
    zero.into() + id
}

#[cache_result(ttl = "2h", key = "graph:forgotten:<id>")]
async fn forgotten(id: u64) -> u64 {
    id
}

struct Repo;

#[cache_methods(skip(self))]
impl Repo {
    #[cache_result(ttl = "2h", key = "graph:repo:<id>")]
    async fn find(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::find(id))]
    async fn change(&self, id: u64) -> u64 {
        id
    }

    #[cache_put(Repo::find(id))]
    async fn replace(&self, id: u64) -> u64 {
        id
    }
}

#[invalidates(user(id), row::<u8>(id), pattern = "graph:tasks:<id>:*", key = "graph:absent:<result>")]
async fn rename(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn it_says_who_invalidates_what() {
    let text = graph().to_string();
    let here = module_path!();
    for (function, template, by) in [
        ("user", "graph:user:<id>", "invalidated by it::graph::rename"),
        ("tasks", "graph:tasks:<user>:<page>", "invalidated by it::graph::rename"),
        ("row", "graph:row:<T>:<id>", "invalidated by it::graph::rename"),
        ("forgotten", "graph:forgotten:<id>", "invalidated by nothing"),
        ("Repo::find", "graph:repo:<id>", "invalidated by it::graph::change\n  put by it::graph::replace"),
    ] {
        let expected = format!("{here}::{function}, `{template}`, 7200s\n  {by}\n");
        assert!(text.contains(&expected), "{expected} is not in\n{text}");
    }
    let findings: Vec<String> = graph().findings().iter().map(ToString::to_string).collect();
    let found = |part: &str| findings.iter().filter(|finding| finding.contains(part)).count();
    assert_eq!(found("graph::forgotten"), 1, "{findings:#?}");
    assert_eq!(found("the key `graph:absent:<result>`"), 1);
    assert_eq!(found("graph:user"), 0);
    assert_eq!((user(1).await, tasks(1, 1).await, row(1_u8, 1).await, forgotten(1).await), (1, 2, 2, 1));
    assert_eq!(
        (Repo.find(1).await, Repo.change(1).await, Repo.replace(1).await, rename(1).await),
        (1, 1, 1, 1)
    );
}
